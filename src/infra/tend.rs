//! Loops that go on as long as the program does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

const PAUSE: Duration = Duration::from_secs(1);
/// The runtime lets a thread go that had nothing to do for ten seconds.
const THREAD_ROUND: Duration = Duration::from_secs(4);

/// Returns when the loop that `begin` begins has ended. Where it meets a panic, it is begun anew a moment later: what
/// it does for everybody must not stop because of one thing that it met.
pub async fn tend<F: Future<Output = ()>>(name: &'static str, begin: impl Fn() -> F) {
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        tracing::error!("what {name} met a panic; it begins anew");
        tokio::time::sleep(PAUSE).await;
    }
}

/// As long as the runtime lives, one thread of it is there for work that stands still. Where the system gives no more
/// threads, such work waits for that one; with none it would panic, and what has been handed over would lie there until
/// somebody else asks.
pub async fn keep_a_thread() {
    tend("keeps a thread", || async {
        loop {
            let _ = tokio::task::spawn_blocking(|| ()).await;
            tokio::time::sleep(THREAD_ROUND).await;
        }
    })
    .await;
}
