//! A run's page as it goes on, from the run's own journal.

use std::time::Duration;

use futures_util::StreamExt;

use super::run::run_part;
use crate::access::Cx;
use crate::base::{ExecutionId, Result};
use crate::executions::follow;
use crate::web::{SseAnswer, SseEvent, render, sse_channel};

/// Events that come closer together are shown at once.
const PACE: Duration = Duration::from_millis(250);
const TOGETHER: usize = 1_000;

/// Sends the changing part of the page after what happens in the run, and `ended` behind its end.
///
/// Errors: `NotFound` where the caller may not see the run.
pub(super) fn live_run(cx: &Cx, id: ExecutionId, level: String) -> Result<SseAnswer> {
    let events = follow(cx, id, 0)?.ready_chunks(TOGETHER);
    let (sender, answer) = sse_channel();
    let cx = cx.clone();
    actix_web::rt::spawn(async move {
        let mut events = std::pin::pin!(events);
        let mut last = String::new();
        loop {
            let more = tokio::select! {
                more = events.next() => more.is_some(),
                () = sender.gone() => return,
            };
            let part = run_part(&cx, id, &level).and_then(render);
            let part = match part {
                Ok(part) => part.0,
                Err(error) => {
                    tracing::warn!(cause = ?error, "the page of a run could not be rendered");
                    return;
                }
            };
            if part != last {
                if sender.send(SseEvent::html(&part)).await.is_err() {
                    return;
                }
                last = part;
            }
            if !more {
                let _ = sender.send(SseEvent::of_json(None, "ended", b"{}")).await;
                return;
            }
            tokio::time::sleep(PACE).await;
        }
    });
    Ok(answer)
}
