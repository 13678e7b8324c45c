//! Server-sent events: an endless answer that stays open, can be taken up again, and is let go when nobody
//! reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Responder};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::base::{Error, Result};

/// A comment goes out this often, so that proxies between do not take a quiet stream for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const SHORT_KEEP_ALIVE: Duration = Duration::from_secs(2);
/// Events that wait for a reader, and their bytes. One event that is larger waits alone.
const WAITING: usize = 256;
const WAITING_BYTES: u32 = 512 << 10;
/// A reader that takes nothing for so long is let go; it comes back with `Last-Event-ID`.
const PATIENCE: Duration = Duration::from_secs(25);

/// One event: `id:`, `event:` and one line of `data:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    text: Bytes,
}

impl SseEvent {
    /// `name` and `data` are ours; `data` goes as one line of JSON.
    pub fn new(id: Option<u64>, name: &str, data: &impl Serialize) -> Result<Self> {
        let data = serde_json::to_vec(data).map_err(|it| Error::internal("write an event", it))?;
        Ok(Self::of_json(id, name, &data))
    }

    /// As `new`, for data that is JSON text already. JSON's own line breaks are only white space.
    pub fn of_json(id: Option<u64>, name: &str, json: &[u8]) -> Self {
        let mut text = BytesMut::with_capacity(json.len() + name.len() + 48);
        if let Some(id) = id {
            text.put_slice(b"id: ");
            text.put_slice(id.to_string().as_bytes());
            text.put_u8(b'\n');
        }
        text.put_slice(b"event: ");
        text.extend(name.bytes().filter(|it| !matches!(it, b'\r' | b'\n')));
        text.put_slice(b"\ndata: ");
        text.extend(json.iter().map(|it| if matches!(it, b'\r' | b'\n') { b' ' } else { *it }));
        text.put_slice(b"\n\n");
        Self { text: text.freeze() }
    }

    /// An event that was written before: `into_bytes` of the first.
    pub fn encoded(text: Bytes) -> Self {
        Self { text }
    }

    pub fn into_bytes(self) -> Bytes {
        self.text
    }

    /// Markup without a name, which htmx puts into the page.
    pub fn html(html: &str) -> Self {
        let mut text = BytesMut::with_capacity(html.len() + 64);
        // A lone carriage return ends a line of a stream, too.
        for line in html.split(['\r', '\n']) {
            text.put_slice(b"data: ");
            text.put_slice(line.as_bytes());
            text.put_u8(b'\n');
        }
        text.put_u8(b'\n');
        Self { text: text.freeze() }
    }
}

/// Where a stream is fed from. When it is dropped, the stream ends.
pub struct SseSender {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    patience: Duration,
}

impl SseSender {
    /// Hands one event over. Waits while the reader is behind.
    ///
    /// Errors: `Gone` where the reader has left or has read nothing for 25 seconds: the feeder stops.
    pub async fn send(&self, event: SseEvent) -> std::result::Result<(), Gone> {
        let size = u32::try_from(event.text.len()).unwrap_or(WAITING_BYTES).min(WAITING_BYTES);
        let sent = async {
            let room = self.room.clone().acquire_many_owned(size).await.map_err(|_| Gone)?;
            self.queue.send(Waiting { text: event.text, _room: room }).await.map_err(|_| Gone)
        };
        tokio::select! {
            sent = tokio::time::timeout(self.patience, sent) => sent.unwrap_or(Err(Gone)),
            () = self.queue.closed() => Err(Gone),
        }
    }

    /// Resolves when the reader has left.
    pub async fn gone(&self) {
        self.queue.closed().await;
    }
}

/// An event that waits, and the room that it takes until it is read.
struct Waiting {
    text: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// A `200` with events as they are sent.
pub struct SseAnswer(SseStream);

/// A pair: what the feeder holds, and what the handler answers with.
pub fn sse_channel() -> (SseSender, SseAnswer) {
    channel(KEEP_ALIVE, PATIENCE)
}

/// As `sse_channel`, for feeders that must hear soon when the reader has gone: only writing shows it.
pub fn sse_channel_attentive() -> (SseSender, SseAnswer) {
    channel(SHORT_KEEP_ALIVE, PATIENCE)
}

fn channel(keep_alive: Duration, patience: Duration) -> (SseSender, SseAnswer) {
    let (queue, events) = mpsc::channel(WAITING);
    let mut alive = interval_at(Instant::now() + keep_alive, keep_alive);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let room = Arc::new(Semaphore::new(WAITING_BYTES as usize));
    (SseSender { queue, room, patience }, SseAnswer(SseStream { events, alive, at_start: true }))
}

/// After which event the client wants to go on: `Last-Event-ID` of a reconnect, else `after` of the query.
///
/// Errors: `ValidationFailed` for a header that is no number of ours.
pub fn resume_after(request: &HttpRequest, after: Option<u64>) -> Result<Option<u64>> {
    let Some(given) = request.headers().get("last-event-id") else { return Ok(after) };
    let number = given.to_str().ok().and_then(|it| it.trim().parse().ok());
    number.map(Some).ok_or_else(|| Error::invalid("Last-Event-ID is the number of an event"))
}

struct SseStream {
    events: mpsc::Receiver<Waiting>,
    alive: Interval,
    at_start: bool,
}

impl Stream for SseStream {
    type Item = std::result::Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.at_start) {
            // Something at once, so that the client sees an open stream before the first event.
            return Poll::Ready(Some(Ok(Bytes::from_static(b": open\n\n"))));
        }
        let mut together = BytesMut::new();
        loop {
            match self.events.poll_recv(cx) {
                Poll::Ready(Some(event)) => {
                    together.extend_from_slice(&event.text);
                    if together.len() < 64 << 10 {
                        continue;
                    }
                }
                Poll::Ready(None) if together.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => {}
            }
            break;
        }
        if !together.is_empty() {
            self.alive.reset();
            return Poll::Ready(Some(Ok(together.freeze())));
        }
        self.alive.poll_tick(cx).map(|_| Some(Ok(Bytes::from_static(b": still here\n\n"))))
    }
}

impl Responder for SseAnswer {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            // nginx holds streams back without it.
            .insert_header(("x-accel-buffering", "no"))
            .streaming(self.0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use serde_json::json;

    use super::*;

    fn text(event: &SseEvent) -> &str {
        std::str::from_utf8(&event.text).expect("text")
    }

    #[test]
    fn an_event_is_three_lines_whatever_it_holds() {
        let event = SseEvent::new(Some(7), "output.delta", &json!({"text": "a\r\nb"})).expect("an event");
        assert_eq!(text(&event), "id: 7\nevent: output.delta\ndata: {\"text\":\"a\\r\\nb\"}\n\n");
        let event = SseEvent::of_json(None, "a\nid: 9", b"{\n\"a\":\r\n1}");
        assert_eq!(text(&event), "event: aid: 9\ndata: { \"a\":  1}\n\n");
    }

    #[tokio::test]
    async fn a_quiet_stream_stays_open_and_ends_with_its_sender() {
        let (sender, SseAnswer(mut stream)) = channel(Duration::from_millis(1), PATIENCE);
        let mut next = async || stream.next().await.map(|it| it.unwrap_or_else(|never| match never {}));
        assert_eq!(next().await.as_deref(), Some(b": open\n\n".as_slice()));
        assert_eq!(next().await.as_deref(), Some(b": still here\n\n".as_slice()));
        let event = SseEvent::new(Some(1), "log", &json!(1)).expect("an event");
        sender.send(event.clone()).await.expect("sent");
        drop(sender);
        let mut rest = Vec::new();
        while let Some(piece) = next().await {
            rest.push(piece);
        }
        assert_eq!(rest.iter().filter(|it| **it == event.text).count(), 1);
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_is_let_go() {
        let (sender, _answer) = channel(KEEP_ALIVE, Duration::from_millis(1));
        let event = SseEvent::new(Some(1), "log", &json!(1)).expect("an event");
        for _ in 0..WAITING {
            sender.send(event.clone()).await.expect("waits in the queue");
        }
        assert_eq!(sender.send(event).await, Err(Gone));
    }

    #[tokio::test]
    async fn what_waits_for_a_reader_is_bounded_in_bytes() {
        let (sender, SseAnswer(mut stream)) = channel(KEEP_ALIVE, Duration::from_millis(1));
        let large = SseEvent::new(Some(1), "log", &"x".repeat(100 << 10)).expect("an event");
        for _ in 0..5 {
            sender.send(large.clone()).await.expect("waits in the queue");
        }
        assert_eq!(sender.send(large.clone()).await, Err(Gone));
        for _ in 0..3 {
            stream.next().await.expect("goes on").unwrap_or_else(|never| match never {});
        }
        sender.send(large).await.expect("there is room again");
        let huge = SseEvent::new(Some(2), "log", &"x".repeat(2 << 20)).expect("an event");
        assert_eq!(sender.send(huge.clone()).await, Err(Gone), "it waits until all before it was read");
        let (sender, _answer) = channel(KEEP_ALIVE, Duration::from_millis(1));
        sender.send(huge).await.expect("alone");
    }
}
