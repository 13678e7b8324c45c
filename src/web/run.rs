//! How a run is answered: once it has ended or waited long enough, or event by event.

use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Accepted, Found, Reply, SseAnswer, SseEvent, sse_channel, sse_channel_attentive};
use crate::access::Cx;
use crate::base::{ExecutionId, Result};
use crate::executions::{self, Started, StreamEvent, error_of};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    #[default]
    Continue,
    Cancel,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    /// What becomes of the run when you leave before its end.
    #[serde(default)]
    pub on_disconnect: OnDisconnect,
}

/// `200` with the finished run, its error where it failed, `202` where it goes on. Who does not wait hears
/// `202`, however quick the run was: that it was accepted is all that was asked.
pub async fn finished(request: &HttpRequest, started: Started) -> Reply<HttpResponse> {
    let (id, deprecated, waits) = (started.id, started.deprecated, started.waits());
    let execution = started.wait().await?;
    let mut answer = if !waits || !execution.status.has_ended() {
        Accepted { location: location(id), body: execution }.respond_to(request)
    } else if let Some(error) = error_of(&execution) {
        return Err(error);
    } else {
        Found(execution).respond_to(request)
    };
    mark(&mut answer, id, deprecated);
    Ok(answer)
}

fn location(id: ExecutionId) -> String {
    format!("/api/executions/{id}")
}

fn mark(answer: &mut HttpResponse, id: ExecutionId, deprecated: bool) {
    use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
    if let Ok(value) = HeaderValue::from_str(&location(id)) {
        answer.headers_mut().insert(LOCATION, value);
    }
    if deprecated {
        answer.headers_mut().insert(HeaderName::from_static("deprecation"), HeaderValue::from_static("true"));
    }
}

/// The run's events as they come.
pub fn streamed(
    cx: &Cx,
    request: &HttpRequest,
    started: Started,
    on_disconnect: OnDisconnect,
) -> HttpResponse {
    let (id, deprecated) = (started.id, started.deprecated);
    let cancel = (on_disconnect == OnDisconnect::Cancel).then(|| (cx.clone(), id));
    let mut answer = run_events(started.stream(), cancel).respond_to(request);
    mark(&mut answer, id, deprecated);
    answer
}

/// Sends a run's events to whoever reads the answer; `cancel` ends the run where the reader leaves first.
pub fn run_events(
    events: impl Stream<Item = Result<StreamEvent>> + 'static,
    cancel: Option<(Cx, ExecutionId)>,
) -> SseAnswer {
    let (sender, answer) = if cancel.is_some() { sse_channel_attentive() } else { sse_channel() };
    actix_web::rt::spawn(async move {
        let mut events = std::pin::pin!(events);
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                () = sender.gone() => break,
            };
            let Some(event) = next else { return };
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(cause = ?error, "a stream of events broke off");
                    return;
                }
            };
            let event = SseEvent::encoded(event.text(|it| {
                SseEvent::of_json(Some(it.sequence), it.kind.name(), it.data.as_str().as_bytes()).into_bytes()
            }));
            if sender.send(event).await.is_err() {
                break;
            }
        }
        if let Some((cx, id)) = cancel
            && let Err(error) = executions::cancel(&cx, id).await
        {
            tracing::warn!(execution.id = %id, cause = ?error, "a run whose reader left could not be cancelled");
        }
    });
    answer
}
