//! Clients under load, what they were promised, and whether that was kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::server::Server;
use crate::support::events::{Events, assert_whole};
use crate::support::http::{Answer, Http};
use crate::support::peer::{Peer, Received, Step, json as json_answer};

const CLIENTS: u64 = 8;
/// From ready to the end of every run that was accepted.
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients sent, and what they were told.
#[derive(Default)]
pub struct Told {
    /// Bodies of requests by key.
    sent: BTreeMap<String, (String, Value)>,
    /// Runs that were named in a whole answer, by key.
    acked: BTreeMap<String, HashSet<String>>,
    /// Ends that somebody has seen.
    ends: HashMap<String, Value>,
    /// Answers that were neither a run nor a refusal for later.
    odd: Vec<String>,
    sequence: u64,
}

/// One campaign: an appliance's agents, a far end that counts, and clients.
pub struct Load {
    pub peer: Peer,
    pub key: String,
    agents: Vec<String>,
    pub told: Arc<Mutex<Told>>,
    pub acks: Arc<AtomicU64>,
    /// Told after every ack.
    pub acked: Arc<Notify>,
}

/// Figures of one look at everything.
#[derive(Default)]
pub struct Findings {
    pub runs: usize,
    pub acked: usize,
    pub interrupted: usize,
    /// Calls beyond the first of runs that may be repeated.
    pub repeated: usize,
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { runs, acked, interrupted, repeated } = self;
        write!(f, "runs={runs} acked={acked} interrupted={interrupted} repeated={repeated}")
    }
}

/// A far end that answers at once, mostly, and sometimes a little later.
pub async fn far_end() -> Peer {
    Peer::start(|request: &Received, number| {
        let mut steps = Vec::new();
        if number % 3 == 0 {
            steps.push(Step::Pause(Duration::from_millis(1 + number as u64 % 37)));
        }
        steps.extend(json_answer(&json!({ "echo": request.json() })));
        steps
    })
    .await
}

impl Load {
    pub async fn new(server: &Server, peer: Peer) -> Self {
        let key = server.api_key().await;
        let http = server.http().bearer(&key);
        let mut agents = Vec::new();
        for delivery in ["at_least_once", "at_most_once"] {
            let agent = json!({
                "name": delivery, "agent_type": "webhook", "config": { "url": peer.url("/work") },
                "execution": { "delivery": delivery },
            });
            let made = http.post("/api/agents", agent).await.expect(201);
            let path = format!("/api/agents/{}", made["id"].as_str().expect("an id"));
            http.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
            agents.push(path);
        }
        let (acks, acked) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        Self { peer, key, agents, told: Arc::default(), acks, acked }
    }

    /// Clients that send as fast as they are answered, until the server is gone.
    pub fn start(&self, base: &str) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|_| {
            let client = Client {
                http: Http::new(base).bearer(&self.key),
                agents: self.agents.clone(),
                told: self.told.clone(),
                acks: self.acks.clone(),
                acked: self.acked.clone(),
            };
            let stop = stop.clone();
            tokio::spawn(async move { while !stop.load(SeqCst) && client.send_new().await {} })
        });
        Running { clients: clients.collect(), stop }
    }

    /// Sends again, under its key, everything that got no answer, and checks that all that was promised is kept
    /// and everything that was accepted ends.
    pub async fn settle(&self, server: &Server) -> Findings {
        let http = server.http().bearer(&self.key);
        let unanswered: Vec<(String, (String, Value))> = {
            let told = self.told.lock();
            let open = told.sent.iter().filter(|it| !told.acked.contains_key(it.0));
            open.map(|(key, request)| (key.clone(), request.clone())).collect()
        };
        for (key, (path, body)) in unanswered {
            let answer = http.with("idempotency-key", key.clone()).post(&path, body).await;
            note(&mut self.told.lock(), &key, &answer);
        }
        let runs = self.all_ended(&http).await;
        self.check(&runs)
    }

    async fn all_ended(&self, http: &Http) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let runs = list(http).await;
            let open: Vec<_> = runs.iter().filter(|it| !has_ended(it)).collect();
            if open.is_empty() {
                return runs;
            }
            assert!(Instant::now() < deadline, "D6: zombies: {open:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn check(&self, runs: &[Value]) -> Findings {
        let mut told = self.told.lock();
        assert_eq!(told.odd, Vec::<String>::new());
        let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for run in runs {
            by_key.entry(text(&run["metadata"], "key")).or_default().push(text(run, "id"));
        }
        let known: HashSet<&str> = runs.iter().map(|it| text(it, "id")).collect();
        for (key, ids) in &told.acked {
            assert_eq!(ids.len(), 1, "D2: twins of {key}: {ids:?}");
            assert!(ids.iter().all(|it| known.contains(it.as_str())), "D1: lost {key}: {ids:?}");
        }
        for (key, ids) in &by_key {
            assert_eq!(ids.len(), 1, "D2: twins of {key}: {ids:?}");
        }
        let mut calls: HashMap<String, usize> = HashMap::new();
        for request in self.peer.received() {
            *calls.entry(request.header("idempotency-key").expect("D5: a key").to_owned()).or_default() += 1;
        }
        let mut found = Findings { runs: runs.len(), acked: told.acked.len(), ..Findings::default() };
        for run in runs {
            let id = text(run, "id");
            let count = calls.get(id).copied().unwrap_or(0);
            if text(&run["metadata"], "delivery") == "at_most_once" {
                assert!(count <= 1, "D4: {id} was called {count} times");
                assert!(count == 1 || run["status"] != "completed", "{id} completed uncalled");
            } else {
                assert_eq!(run["status"], "completed", "{run}");
                found.repeated += count.saturating_sub(1);
            }
            found.interrupted += usize::from(run["error"]["code"] == "Interrupted");
            let end = json!([run["status"], run["completed_at"], run["output"]]);
            let first = told.ends.entry(id.to_owned()).or_insert_with(|| end.clone());
            assert_eq!(*first, end, "D6: the end of {id} changed");
        }
        found
    }

    /// The events of some of the runs, from their first to their last.
    pub async fn check_events(&self, server: &Server, most: usize) -> usize {
        let http = server.http().bearer(&self.key);
        let ids: Vec<String> = self.told.lock().ends.keys().take(most).cloned().collect();
        for id in &ids {
            let events = Events::get(&http, &format!("/api/executions/{id}/events")).await.rest().await;
            assert_whole(&events, 1);
        }
        ids.len()
    }
}

pub struct Running {
    clients: Vec<tokio::task::JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Running {
    /// Waits until every client has its answer, or lost it.
    pub async fn end(self) {
        self.stop.store(true, SeqCst);
        for client in self.clients {
            client.await.expect("a client");
        }
    }
}

struct Client {
    http: Http,
    agents: Vec<String>,
    told: Arc<Mutex<Told>>,
    acks: Arc<AtomicU64>,
    acked: Arc<Notify>,
}

impl Client {
    /// `false` where the server is gone.
    async fn send_new(&self) -> bool {
        let (key, path, body) = {
            let mut told = self.told.lock();
            told.sequence += 1;
            let number = told.sequence;
            let key = format!("key-{number}");
            let delivery = ["at_least_once", "at_most_once"][number as usize % 2];
            let body = json!({
                "input": { "n": number }, "wait_ms": if number % 4 < 2 { 0 } else { 20_000 },
                "metadata": { "key": key, "delivery": delivery },
            });
            let path = format!("{}/execute", self.agents[number as usize % 2]);
            told.sent.insert(key.clone(), (path.clone(), body.clone()));
            (key, path, body)
        };
        match self.http.with("idempotency-key", key.clone()).try_post(&path, &body).await {
            None => false,
            Some(answer) => {
                let goes_on = note(&mut self.told.lock(), &key, &answer);
                self.acks.fetch_add(1, SeqCst);
                self.acked.notify_waiters();
                goes_on
            }
        }
    }
}

/// Keeps what an answer promised; `false` where the server takes no more.
fn note(told: &mut Told, key: &str, answer: &Answer) -> bool {
    let body = answer.json();
    let named = body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str());
    match (answer.status, named) {
        (_, Some(id)) => {
            told.acked.entry(key.to_owned()).or_default().insert(id.to_owned());
            true
        }
        (503, None) => false,
        (status, None) => {
            told.odd.push(format!("{key}: {status} {body}"));
            true
        }
    }
}

/// Every run there is.
async fn list(http: &Http) -> Vec<Value> {
    let (mut runs, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = http.get(&format!("/api/executions?limit=200{cursor}")).await.expect(200);
        runs.extend(page["items"].as_array().expect("items").clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return runs,
        }
    }
}

fn has_ended(run: &Value) -> bool {
    ["completed", "failed", "cancelled", "timeout"].contains(&text(run, "status"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
