//! Waiting for what has to come about, however slow the machine is.

use std::time::{Duration, Instant};

/// Far beyond what anything takes: who waits as long as this waits for nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns when `holds` does; `what` it is says why a test failed where it never does.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "it does not come to pass: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
