//! Runs as they are followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use reeve::access::{Credential, authenticate};
use reeve::base::Origin;
use reeve::executions::follow;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{Bench, ok};
use crate::support::events::{Event, Events, assert_whole, text_of};
use crate::support::peer::{Step, answer, chunk, chunked_head, last_chunk};

fn piece(text: &str) -> Step {
    chunk(&format!("data: {}\n\n", json!({ "text": text })))
}

fn streaming() -> serde_json::Value {
    json!({ "config": { "stream": "sse", "stream_text": "data.text" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_from_its_start_to_its_one_end() {
    let script = |_: &_, _| {
        let pieces = (0..40).map(|n| piece(&format!("{n} ")));
        std::iter::once(chunked_head("text/event-stream")).chain(pieces).chain([last_chunk()]).collect()
    };
    let bench = Bench::new(script).await;
    let agent = bench.agent_with("A", &streaming()).await;
    let stream = Events::post(&bench.owner, &format!("{agent}/execute/stream"), json!({ "input": {} })).await;
    let location = stream.headers["location"].to_str().expect("text").to_owned();
    let events = stream.rest().await;
    assert_whole(&events, 1);
    assert_eq!(events[0].kind, "execution.started");
    assert_eq!(text_of(&events), (0..40).map(|n| format!("{n} ")).collect::<String>());
    let end = &events.last().expect("an end").data;
    assert_eq!(end, &bench.owner.get(&location).await.expect(200));
    let again = Events::get(&bench.owner, &format!("{location}/events")).await.rest().await;
    assert_eq!(again, events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_up_behind_any_event() {
    let bench = Bench::new(|_, n| if n < 3 { answer(503, &[], "no") } else { ok() }).await;
    let retry = json!({ "max_attempts": 4, "backoff_ms": 15, "max_backoff_ms": 15 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    let run = bench.begin(&agent, json!({})).await;
    let all = Events::get(&bench.owner, &format!("{run}/events")).await.rest().await;
    assert_whole(&all, 1);
    for after in 0..all.len() as u64 {
        let query = Events::get(&bench.owner, &format!("{run}/events?after={after}")).await.rest().await;
        assert_eq!(query, all[after as usize..]);
        let header = bench.owner.with("last-event-id", after.to_string());
        let header = Events::get(&header, &format!("{run}/events?after=999")).await.rest().await;
        assert_eq!(header, query, "the header goes before the query");
    }
    let behind_the_end = Events::get(&bench.owner, &format!("{run}/events?after=1000")).await.rest().await;
    assert_eq!(behind_the_end, []);
    let wrong = bench.owner.with("last-event-id", "x").get(&format!("{run}/events")).await;
    wrong.expect_error(422, "ValidationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_of_one_run_read_the_same() {
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let script = move |_: &_, _| {
        let mut steps = vec![chunked_head("text/event-stream")];
        for n in 0..60 {
            steps.extend([Step::Wait(held.clone()), piece(&format!("{n},"))]);
        }
        steps.push(last_chunk());
        steps
    };
    let bench = Bench::new(script).await;
    let agent = bench.agent_with("A", &streaming()).await;
    let run = bench.begin(&agent, json!({})).await;
    let readers = (0..12).map(async |n: u64| {
        tokio::time::sleep(std::time::Duration::from_millis(n * 7)).await;
        gate.add_permits(5);
        Events::get(&bench.owner, &format!("{run}/events")).await.rest().await
    });
    let read: Vec<Vec<Event>> = futures_util::future::join_all(readers).await;
    assert_whole(&read[0], 1);
    assert!(read.iter().all(|it| it == &read[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_a_restart_without_gap_or_repetition() {
    let script = |_: &_, n| match n {
        0 => vec![chunked_head("text/event-stream"), piece("lost "), Step::Hang],
        _ => vec![chunked_head("text/event-stream"), piece("found"), last_chunk()],
    };
    let bench = Bench::with(|it| it.server.drain_ms = 50, script).await;
    let agent = bench.agent_with("A", &streaming()).await;
    let run = bench.begin(&agent, json!({})).await;
    let mut stream = Events::get(&bench.owner, &format!("{run}/events")).await;
    let mut read = Vec::new();
    while text_of(&read) != "lost " {
        read.push(stream.next().await.expect("goes on"));
    }
    let bench = bench.restart().await;
    // What was committed before the stop may still have come.
    while let Some(event) = stream.next().await {
        read.push(event);
    }
    let after = read.last().expect("an event").id;
    let rest = Events::get(&bench.owner, &format!("{run}/events?after={after}")).await.rest().await;
    read.extend(rest);
    assert_whole(&read, 1);
    assert_eq!(read, Events::get(&bench.owner, &format!("{run}/events")).await.rest().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_reader_only_where_that_was_asked_for() {
    let bench = Bench::new(|_, _| vec![Step::Hang]).await;
    let agent = bench.agent("A", json!({})).await;
    let leave = async |query: &str, calls| {
        let path = format!("{agent}/execute/stream{query}");
        let mut stream = Events::post(&bench.owner, &path, json!({ "input": {} })).await;
        stream.next().await.expect("it starts");
        bench.peer.has_received(calls).await;
        stream.headers["location"].to_str().expect("text").to_owned()
    };
    let cancelled = leave("?on_disconnect=cancel", 1).await;
    assert_eq!(bench.ended(&cancelled).await["status"], "cancelled");
    bench.peer.left_alone().await;
    let goes_on = leave("", 2).await;
    assert_eq!(bench.owner.get(&goes_on).await.expect(200)["status"], "running");
    bench.owner.post(&format!("{goes_on}/cancel"), json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_watchers_share_what_is_sent_to_them() {
    const WATCHERS: usize = 1_000;
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let token = Credential::Token(&bench.owner.access_token);
    let cx = authenticate(&bench.appliance.inner.services, token, Origin::default()).await.expect("is in");
    let id = run.rsplit('/').next().expect("an id").parse().expect("an id");
    let made = Arc::new(AtomicUsize::new(0));
    let watching = Arc::new(AtomicUsize::new(0));
    let mut watchers = tokio::task::JoinSet::new();
    for _ in 0..WATCHERS {
        let (cx, made, watching) = (cx.clone(), made.clone(), watching.clone());
        watchers.spawn(async move {
            let mut events = std::pin::pin!(follow(&cx, id, 0).expect("follows"));
            let (mut numbers, mut last) = (Vec::new(), String::new());
            while let Some(event) = events.next().await {
                let event = event.expect("an event");
                let text = event.text(|it| {
                    // The first was there before anyone watched, so that each reads it for itself.
                    made.fetch_add(usize::from(it.sequence > 1), Ordering::SeqCst);
                    Bytes::from(it.data.as_str().to_owned())
                });
                if numbers.is_empty() {
                    watching.fetch_add(1, Ordering::SeqCst);
                }
                numbers.push(event.sequence);
                last = String::from_utf8_lossy(&text).into_owned();
            }
            (numbers, last)
        });
    }
    // Each has read what there was; the subscription follows at once.
    while watching.load(Ordering::SeqCst) < WATCHERS {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    let ended = bench.ended(&run).await;
    let all = watchers.join_all().await;
    for (numbers, last) in &all {
        assert_eq!(numbers, &(1..=numbers.len() as u64).collect::<Vec<_>>());
        assert_eq!(numbers.len(), all[0].0.len());
        let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        assert_eq!(last["status"], ended["status"]);
    }
    let events = all[0].0.len() - 1;
    assert!(made.load(Ordering::SeqCst) < events + WATCHERS / 10, "{made:?} of {events}");
}
