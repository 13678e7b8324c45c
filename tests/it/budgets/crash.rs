//! The real program, killed while calls are under way: nothing that was spent is lost.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DOLLAR, completion, figures, model, standing};
use crate::crash::{Server, Site};
use crate::support::PASSWORD;
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step};

async fn owner(server: &Server) -> Http {
    let body = json!({ "email": "owner@mill.test", "password": PASSWORD });
    let tokens = server.http().post("/api/auth/login", body).await.expect(200);
    server.http().bearer(tokens["access_token"].as_str().expect("a token"))
}

async fn published(http: &Http, agent: Value) -> String {
    let path = crate::agents::made(http, agent).await;
    http.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
    path
}

/// A budget over everything that never begins anew.
async fn for_all(http: &Http) -> Value {
    let new =
        json!({ "name": "All", "scope": "organization", "window": "total", "limit_micros": 50 * DOLLAR });
    http.post("/api/budgets", new).await.expect(201)
}

/// Ids of so many runs that are accepted and not waited for.
async fn begun(http: &Http, agent: &str, count: usize) -> Vec<String> {
    let mut runs = Vec::new();
    for _ in 0..count {
        let body = json!({ "input": "a", "wait_ms": 0 });
        let run = http.post(&format!("{agent}/execute"), body).await.expect(202);
        runs.push(run["id"].as_str().expect("an id").to_owned());
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_kill_cut_off_is_counted_with_all_that_was_held_for_it() {
    // The first three calls are under way when the process dies; whoever asks again is answered.
    let peer = Peer::start(|_: &Received, earlier| match earlier {
        0..3 => vec![Step::Hang],
        _ => completion(20),
    })
    .await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let http = owner(&server).await;
    let budget = for_all(&http).await;
    let mut one_by_one = model(&peer, "Model");
    one_by_one["execution"]["max_concurrency"] = json!(3);
    let agent = published(&http, one_by_one).await;
    // Three at work, two that wait for their turn.
    let runs = begun(&http, &agent, 5).await;
    peer.has_received(3).await;
    server.kill();
    let server = site.serve();
    let http = owner(&server).await;
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    for run in &runs {
        while http.get(&format!("/api/executions/{run}")).await.expect(200)["status"] != "completed" {
            assert!(tokio::time::Instant::now() < patience, "D6: {run} goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(peer.received_count(), 8);
    for (place, run) in runs.iter().enumerate() {
        let usage = &http.get(&format!("/api/executions/{run}")).await.expect(200)["usage"];
        let found = json!([usage["api_calls"], usage["unpriced_calls"], usage["cost_micros"]]);
        let cut_off = u64::from(place < 3);
        assert_eq!(found, json!([1 + cut_off, cut_off, DOLLAR / 5]), "{usage}");
    }
    // Nobody knows what the three had used: all that was held. Five were answered, for a fifth of it each.
    let counted = figures(&standing(&http, &budget).await);
    assert_eq!(counted, (3 * DOLLAR + 5 * DOLLAR / 5, 0, 8), "D10");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_runs_once_is_counted_when_a_kill_ends_it_and_what_never_began_is_given_back() {
    let peer = Peer::start(|_: &Received, _| vec![Step::Hang]).await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let http = owner(&server).await;
    let budget = for_all(&http).await;
    let mut once = model(&peer, "Model");
    once["execution"]["delivery"] = json!("at_most_once");
    once["execution"]["max_concurrency"] = json!(1);
    let agent = published(&http, once).await;
    let runs = begun(&http, &agent, 2).await;
    peer.has_received(1).await;
    server.kill();
    let server = site.serve();
    let http = owner(&server).await;
    // The second has its turn now; it is cancelled while it is under way, and only its input is known: it is free.
    peer.has_received(2).await;
    http.post(&format!("/api/executions/{}/cancel", runs[1]), json!({})).await.expect(200);
    let cut_off = http.get(&format!("/api/executions/{}", runs[0])).await.expect(200);
    let (usage, unknown) = (&cut_off["usage"], json!([1, 1, null]));
    assert_eq!(cut_off["status"], "failed");
    assert_eq!(json!([usage["api_calls"], usage["unpriced_calls"], usage["cost_micros"]]), unknown);
    assert_eq!(figures(&standing(&http, &budget).await), (DOLLAR, 0, 2), "D10");
}
