//! A run's events as a client reads them.

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::http::Http;

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: u64,
    pub kind: String,
    pub data: Value,
}

pub struct Events {
    body: Incoming,
    text: String,
    pub headers: http::HeaderMap,
}

impl Events {
    pub async fn post(http: &Http, path: &str, body: Value) -> Self {
        Self::open(http, Method::POST, path, Some("application/json"), body.to_string().into()).await
    }

    pub async fn get(http: &Http, path: &str) -> Self {
        Self::open(http, Method::GET, path, None, Bytes::new()).await
    }

    async fn open(http: &Http, method: Method, path: &str, kind: Option<&str>, body: Bytes) -> Self {
        let response = http.open(method, path, kind, body).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let headers = response.headers().clone();
        Self { body: response.into_body(), text: String::new(), headers }
    }

    /// The next event; `None` at the end, also where the connection broke.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = parse(&block) {
                    return Some(event);
                }
            }
            let frame = tokio::time::timeout(std::time::Duration::from_secs(60), self.body.frame()).await;
            let data = frame.expect("goes on").and_then(Result::ok)?.into_data().ok()?;
            self.text.push_str(std::str::from_utf8(&data).expect("UTF-8 in whole characters"));
        }
    }

    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut found = block.lines().filter_map(|it| it.strip_prefix(name));
        let value = found.next()?;
        assert_eq!(found.next(), None, "one line each: {block:?}");
        Some(value.to_owned())
    };
    let id = field("id: ")?.parse().expect("a number");
    let data = serde_json::from_str(&field("data: ")?).expect("JSON");
    Some(Event { id, kind: field("event: ")?, data })
}

const LAST: [&str; 4] =
    ["execution.completed", "execution.failed", "execution.cancelled", "execution.timeout"];

/// Numbers from `first` on without a gap; one last event, at the end, with the whole run.
#[track_caller]
pub fn assert_whole(events: &[Event], first: u64) {
    let ids: Vec<u64> = events.iter().map(|it| it.id).collect();
    assert_eq!(ids, (first..first + events.len() as u64).collect::<Vec<_>>(), "{events:?}");
    let ends = events.iter().filter(|it| LAST.contains(&it.kind.as_str())).count();
    let last = events.last().expect("something happened");
    assert_eq!(ends, 1, "{events:?}");
    assert!(LAST.contains(&last.kind.as_str()), "{events:?}");
    let kind = format!("execution.{}", last.data["status"].as_str().expect("a status"));
    assert_eq!(last.kind, kind);
}

/// The text that was streamed.
pub fn text_of(events: &[Event]) -> String {
    events.iter().filter_map(|it| it.data["text"].as_str()).collect()
}
