//! The real program, killed while others call: what was answered is kept, and sent again it starts nothing new.

use std::collections::BTreeMap;

use serde_json::json;

use super::hexed;
use crate::crash::{Server, Site};
use crate::support::PASSWORD;
use crate::support::http::Http;
use crate::support::peer::{Peer, json as says};

const SECRET: &str = "a secret of the sender";

async fn owner(server: &Server) -> Http {
    let body = json!({ "email": "owner@mill.test", "password": PASSWORD });
    let tokens = server.http().post("/api/auth/login", body).await.expect(200);
    server.http().bearer(tokens["access_token"].as_str().expect("a token"))
}

fn signed(http: &Http, body: &str) -> Http {
    http.with("x-hub-signature-256", format!("sha256={}", hexed(SECRET.as_bytes(), body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_kept_and_nothing_starts_twice() {
    let peer = Peer::start(|_, _| says(&json!({ "ok": true }))).await;
    let site = Site::new(&peer).set("REEVE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", 1_000_000);
    let mut server = site.serve();
    let http = owner(&server).await;
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": peer.url("/work") } });
    let made = http.post("/api/agents", agent).await.expect(201);
    let id = made["id"].as_str().expect("an id");
    http.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
    let new = json!({ "name": "T", "agent_id": id, "secret": SECRET, "signature": { "scheme": "github" } });
    let made = http.post("/api/triggers", new).await.expect(201);
    let url = made["url"].as_str().expect("an address").to_owned();
    let path = url[url.find("/hooks/").expect("a path")..].to_owned();

    let (mut answered, mut number) = (BTreeMap::new(), 0);
    for round in 0..4 {
        let (base, path, from) = (server.http(), path.clone(), number);
        let sender = tokio::spawn(async move {
            let mut answered = BTreeMap::new();
            for n in from..from + 1_000 {
                let body = json!({ "n": n });
                let Some(answer) = signed(&base, &body.to_string()).try_post(&path, &body).await else {
                    return (answered, n);
                };
                if answer.status == 202 {
                    answered.insert(n, answer.json()["execution_id"].as_str().expect("a run").to_owned());
                }
            }
            (answered, from + 1_000)
        });
        tokio::time::sleep(std::time::Duration::from_millis(60 + round * 40)).await;
        server.kill();
        let (more, last) = sender.await.expect("a sender");
        answered.extend(more);
        number = last + 1;
        server = site.serve();
    }
    // The sender tries everything again, what got no answer too.
    let base = server.http();
    for n in 0..number {
        let body = json!({ "n": n });
        let answer = signed(&base, &body.to_string()).post(&path, body).await.expect(202);
        let run = answer["execution_id"].as_str().expect("a run").to_owned();
        let first = answered.entry(n).or_insert_with(|| run.clone());
        assert_eq!(*first, run, "D1, D2: message {n} started twice");
    }
    let http = owner(&server).await;
    let runs = http.list("/api/executions?limit=200").await;
    assert_eq!(runs.len(), answered.len(), "one run for each message");
    println!("kills=4 messages={number} covered=D1,D2");
}
