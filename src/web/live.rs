//! Parts of pages that are rendered anew as the store changes, and sent to the browser that shows them.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep, timeout_at};

use super::sse::{SseAnswer, SseEvent, sse_channel};
use crate::access::Cx;
use crate::base::{OrgId, Result};
use crate::infra::store::ChangeBatch;

/// Changes that come closer together are shown at once.
const PACE: Duration = Duration::from_millis(400);
/// Then the stream ends. The browser opens it again, and is asked again who it is.
const LASTS: Duration = Duration::from_secs(300);

/// Sends what `render` answers, first as it is now and then after each commit that changed a row of `table` in
/// the caller's organization; what is the same as before is not sent. `render` looks at what the caller may see.
pub fn live_part(cx: &Cx, table: u16, render: impl Fn(&Cx) -> Result<String> + 'static) -> SseAnswer {
    let (sender, answer) = sse_channel();
    // First follow, then read: what is committed in between is read or followed.
    let mut changes = cx.services().store.follow();
    let (cx, ends) = (cx.clone(), Instant::now() + LASTS);
    actix_web::rt::spawn(async move {
        let mut last = String::new();
        loop {
            match render(&cx) {
                Ok(part) if part != last => {
                    if sender.send(SseEvent::html(&part)).await.is_err() {
                        return;
                    }
                    last = part;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(cause = ?error, "a live part of a page could not be rendered");
                    return;
                }
            }
            let changed = async {
                sleep(PACE).await;
                timeout_at(ends, change_of(&mut changes, cx.org(), table)).await
            };
            tokio::select! {
                changed = changed => if !matches!(changed, Ok(true)) { return },
                () = sender.gone() => return,
            }
        }
    });
    answer
}

/// Waits for a change; `false` where the store has closed.
async fn change_of(changes: &mut Receiver<ChangeBatch>, org: OrgId, table: u16) -> bool {
    let concerns = |it: &ChangeBatch| it.changes.iter().any(|it| it.org == org && it.table == table);
    loop {
        match changes.recv().await {
            Ok(batch) if concerns(&batch) => break,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => break,
            Err(RecvError::Closed) => return false,
        }
    }
    // The rest of what has come is shown with it.
    loop {
        match changes.try_recv() {
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Closed) => return false,
        }
    }
}
