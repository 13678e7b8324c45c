//! Killed between a message that interrupts and the end of what it interrupts.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{can_trace, strace, was_killed};
use super::{Site, full};
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step, json as says};

const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the far end answers the first message.
static ANSWERS: AtomicBool = AtomicBool::new(false);

async fn far_end() -> Peer {
    Peer::start(|request: &Received, _| match request.json()["text"] == "first" && !ANSWERS.load(SeqCst) {
        true => vec![Step::Hang],
        false => says(&json!({ "ok": true })),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_interrupts_is_not_gone_on_with_after_a_kill() {
    if !can_trace() {
        return;
    }
    let peer = far_end().await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let token = server.api_key().await;
    let http = server.http().bearer(&token);
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": peer.url("/work") } });
    let path = crate::agents::made(&http, agent).await;
    http.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
    server.kill();
    let (mut kills, mut accepted) = (0, 0);
    for k in 1..=if full() { 40 } else { 10 } {
        ANSWERS.store(false, SeqCst);
        let session = format!("s{k}");
        let wrapper = strace("fdatasync", &format!("signal=KILL:when={k}"));
        let parts: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        match site.serve_under(&parts) {
            Err(status) => assert!(was_killed(status), "{k}: {status}"),
            Ok(mut server) => {
                let http = server.http().bearer(&token);
                let execute = format!("{path}/execute");
                let before = peer.received_count();
                let first = json!({ "input": { "text": "first" }, "session_id": session, "wait_ms": 0 });
                let last = json!({
                    "input": { "text": "last" }, "session_id": session, "wait_ms": 0, "on_busy": "interrupt",
                });
                if http.try_post(&execute, &first).await.is_some() {
                    let _ = tokio::time::timeout(Duration::from_secs(5), peer.has_received(before + 1)).await;
                    let _ = http.try_post(&execute, &last).await;
                }
                // Until the sync is reached.
                let more = json!({ "input": { "text": "more" }, "wait_ms": 0 });
                let status = loop {
                    match server.ended(Duration::from_millis(20)).await {
                        Some(status) => break status,
                        None => drop(http.try_post(&execute, &more).await),
                    }
                };
                assert!(was_killed(status), "{k}: {status}");
            }
        }
        kills += 1;
        ANSWERS.store(true, SeqCst);
        let mut server = site.serve();
        let http = server.http().bearer(&token);
        let runs = ended(&http, &session).await;
        let of = |text: &str| runs.iter().find(|it| it["input"]["text"] == text);
        if let (Some(first), Some(last)) = (of("first"), of("last")) {
            accepted += 1;
            assert_eq!(first["status"], "cancelled", "{k}: it is not gone on with: {first}");
            assert_eq!(first["interrupted_by"], last["id"], "{k}");
            assert_eq!(last["status"], "completed", "{k}");
        }
        server.kill();
    }
    assert!(accepted > 0, "the last message was accepted in none of {kills} rounds");
    eprintln!("C4 interrupts: kills={kills} accepted={accepted}; covers D6");
}

/// The runs of a session, once all have ended.
async fn ended(http: &Http, session: &str) -> Vec<Value> {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let page = http.get(&format!("/api/executions?session_id={session}")).await.expect(200);
        let items = page["items"].as_array().expect("items").clone();
        if items.iter().all(|it| !it["completed_at"].is_null()) {
            return items;
        }
        assert!(tokio::time::Instant::now() < patience, "D6: {items:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
