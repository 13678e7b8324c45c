//! `kill -9` between and inside the steps of chains.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::far_end;
use super::server::{Server, Site};
use super::{Dice, full};
use crate::support::http::Http;
use crate::support::peer::Peer;

const CLIENTS: usize = 6;
const STEPS: [&str; 3] = ["one", "two", "three"];
/// From ready to the end of every run that was accepted.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two chains of three steps: of one all may be repeated, of the other the second may not.
async fn chains(server: &Server, key: &str, peer: &Peer) -> Vec<String> {
    let http = server.http().bearer(key);
    let mut agents = Vec::new();
    for delivery in ["at_least_once", "at_most_once"] {
        let agent = json!({
            "name": delivery, "agent_type": "webhook", "config": { "url": peer.url("/work") },
            "execution": { "delivery": delivery },
        });
        let made = http.post("/api/agents", agent).await.expect(201);
        let id = made["id"].as_str().expect("an id").to_owned();
        http.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
        agents.push(id);
    }
    let mut paths = Vec::new();
    for (name, second) in [("often", 0), ("once", 1)] {
        let steps: Vec<Value> = STEPS
            .iter()
            .enumerate()
            .map(|(place, id)| {
                let agent = &agents[if place == 1 { second } else { 0 }];
                json!({ "id": id, "agent_id": agent, "input_mapping": { "n": "{{ input.n }}" } })
            })
            .collect();
        let made = http.post("/api/chains", json!({ "name": name, "steps": steps })).await.expect(201);
        paths.push(format!("/api/chains/{}", made["id"].as_str().expect("an id")));
    }
    paths
}

/// Sends until the server is gone; answers the runs that were acknowledged.
async fn client(
    http: Http,
    chains: Vec<String>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut acked = Vec::new();
    while !stop.load(SeqCst) {
        let n = sent.fetch_add(1, SeqCst);
        let path = &chains[n % chains.len()];
        let body = json!({ "input": { "n": n }, "wait_ms": if n.is_multiple_of(3) { 0 } else { 20_000 } });
        let Some(answer) = http.try_post(&format!("{path}/execute"), &body).await else { return acked };
        let body = answer.json();
        match body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str()) {
            Some(id) => acked.push(id.to_owned()),
            None => assert_eq!(answer.status, 503, "{body}"),
        }
    }
    acked
}

async fn all_ended(http: &Http, chains: &[String]) -> HashMap<String, Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut runs = HashMap::new();
        for chain in chains {
            for run in http.list(&format!("{chain}/executions?limit=200")).await {
                runs.insert(run["id"].as_str().expect("an id").to_owned(), run);
            }
        }
        let open = runs.values().find(|it| it["completed_at"].is_null());
        let Some(open) = open else { return runs };
        assert!(Instant::now() < deadline, "D6: a zombie: {open}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Steps that the far end saw, by run, in the order in which they came.
fn seen(peer: &Peer) -> HashMap<String, Vec<usize>> {
    let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
    for request in peer.received() {
        let key = request.header("idempotency-key").expect("D5: a key").to_owned();
        let mut parts = key.split('.');
        let run = parts.next().expect("a run").to_owned();
        let step = parts.next().and_then(|it| STEPS.iter().position(|id| *id == it)).expect("a step");
        assert_eq!(parts.next(), Some("1"), "D5: {key}");
        seen.entry(run).or_default().push(step);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_result_is_recorded_never_runs_again() {
    let kills = if full() { 400 } else { 12 };
    let mut dice = Dice::new("C3 chains");
    let peer = far_end().await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let key = server.api_key().await;
    let chains = chains(&server, &key, &peer).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let (mut acked, mut runs) = (Vec::new(), HashMap::new());
    for _ in 0..kills {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let http = Http::new(&server.base).bearer(&key);
                tokio::spawn(client(http, chains.clone(), stop.clone(), sent.clone()))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(5 + dice.below(180))).await;
        server.kill();
        stop.store(true, SeqCst);
        for client in clients {
            acked.extend(client.await.expect("a client"));
        }
        server = site.serve();
        runs = all_ended(&server.http().bearer(&key), &chains).await;
    }
    let (mut repeated, mut interrupted, mut steps) = (0, 0, 0);
    let seen = seen(&peer);
    for (run, order) in &seen {
        let ended = runs.get(run).unwrap_or_else(|| panic!("D1: {run} is lost"));
        // A step begins when the one before is recorded: a way back would be a repetition of what is recorded.
        assert!(order.is_sorted(), "D3: {run} ran {order:?}");
        let mut different = order.clone();
        different.dedup();
        repeated += order.len() - different.len();
        steps += different.len();
        let once = ended["workflow_id"].as_str().is_some_and(|it| chains[1].ends_with(it));
        assert!(!once || order.iter().filter(|it| **it == 1).count() <= 1, "D4: {run} ran {order:?}");
        match ended["status"].as_str() {
            Some("completed") => assert_eq!(different, [0, 1, 2], "{ended}"),
            Some("failed") => {
                assert_eq!(ended["error"]["code"], "Interrupted", "{ended}");
                assert_eq!(ended["error"]["details"]["step"], "two", "{ended}");
                assert!(once, "{ended}");
                interrupted += 1;
            }
            _ => panic!("{ended}"),
        }
        // What was cut off is counted where its beginning was on disk, whether or not the far end has seen it.
        let number = |it: &Value| it.as_u64().expect("a number") as usize;
        let (counted, again) = (number(&ended["usage"]["api_calls"]), number(&ended["attempts"]) - 1);
        assert!((different.len()..=order.len() + again).contains(&counted), "D10: {order:?} {ended}");
    }
    for run in &acked {
        assert!(runs.contains_key(run), "D1: {run} is lost");
    }
    assert!(repeated <= CLIENTS * kills, "D4: {repeated} repetitions");
    eprintln!(
        "C3 chains: kills={kills} runs={} acked={} steps={steps} repeated_in_flight={repeated} \
         interrupted={interrupted} recorded_reruns=0 at_most_once_duplicates=0; covers D1 D3 D4 D5 D6 D10",
        runs.len(),
        acked.len(),
    );
}
