//! The real program, killed between the end of a run and what is told of it.

use std::time::Duration;

use serde_json::json;

use crate::crash::{Server, Site};
use crate::support::PASSWORD;
use crate::support::peer::{Peer, Received, Step, answer, json as says};

/// Answers the agent's calls, and `/hook` only when it was called by the last process.
async fn far_end(last: &'static std::sync::atomic::AtomicBool) -> Peer {
    Peer::start(move |request: &Received, _| {
        if !request.line().contains("/hook") {
            return says(&json!({ "ok": true }));
        }
        match last.load(std::sync::atomic::Ordering::SeqCst) {
            true => answer(204, &[], ""),
            false => vec![Step::Hang],
        }
    })
    .await
}

async fn owner(server: &Server) -> crate::support::http::Http {
    let body = json!({ "email": "owner@mill.test", "password": PASSWORD });
    let tokens = server.http().post("/api/auth/login", body).await.expect(200);
    server.http().bearer(tokens["access_token"].as_str().expect("a token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_to_be_told_survives_a_kill_under_the_same_id() {
    static LAST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let peer = far_end(&LAST).await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let http = owner(&server).await;
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": peer.url("/work") } });
    let made = http.post("/api/agents", agent).await.expect(201);
    let path = format!("/api/agents/{}", made["id"].as_str().expect("an id"));
    http.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
    let new = json!({ "name": "Desk", "url": peer.url("/hook"), "events": ["execution.completed"] });
    let webhook = http.post("/api/webhooks", new).await.expect(201);
    let mut ended = Vec::new();
    for _ in 0..5 {
        let body = json!({ "input": {}, "callback_url": peer.url("/hook/callback") });
        let run = http.post(&format!("{path}/execute"), body).await.expect(200);
        ended.push(run["id"].as_str().expect("an id").to_owned());
    }
    // At once: some of them are on their way, some were not begun.
    server.kill();
    let before = told(&peer);
    LAST.store(true, std::sync::atomic::Ordering::SeqCst);
    let server = site.serve();
    let http = owner(&server).await;
    let deliveries = format!("/api/webhooks/{}/deliveries", webhook["id"].as_str().expect("an id"));
    ended.sort();
    for list in [deliveries.as_str(), "/api/callbacks"] {
        let mut known = all_delivered(&http, list).await;
        known.sort();
        assert_eq!(known, ended, "D11: one delivery for each run in {list}");
    }
    let after: Vec<_> = told(&peer).into_iter().skip(before.len()).collect();
    for run in &ended {
        for path in ["/hook", "/hook/callback"] {
            let of = |told: &[Told]| -> Vec<String> {
                told.iter().filter(|it| it.run == *run && it.path == path).map(|it| it.id.clone()).collect()
            };
            let ids = [of(&before), of(&after)].concat();
            assert!(!of(&after).is_empty() && ids.iter().all(|it| *it == ids[0]), "D11: one id: {ids:?}");
        }
    }
}

/// The runs of all that is in the list, once all of it was taken.
async fn all_delivered(http: &crate::support::http::Http, list: &str) -> Vec<String> {
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let page = http.get(list).await.expect(200);
        let items = page["items"].as_array().expect("items").clone();
        if items.iter().all(|it| it["status"] == "delivered") {
            return items.iter().map(|it| it["execution_id"].as_str().expect("a run").to_owned()).collect();
        }
        assert!(tokio::time::Instant::now() < patience, "D11: {items:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Told {
    path: String,
    /// The `webhook-id`.
    id: String,
    run: String,
}

/// What came to `/hook` and below.
fn told(peer: &Peer) -> Vec<Told> {
    let told = |it: &Received| Told {
        path: it.line().trim_start_matches("POST ").to_owned(),
        id: it.header("webhook-id").expect("an id").to_owned(),
        run: it.json()["data"]["id"].as_str().expect("a run").to_owned(),
    };
    peer.received().iter().filter(|it| it.line().contains("/hook")).map(told).collect()
}
