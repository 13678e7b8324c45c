//! Clients under load, what they were promised, and whether that was kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
    sent: BTreeMap<String, Sent>,
    /// Keys of requests that got no answer yet.
    unanswered: BTreeSet<String>,
    /// Runs that were named in a whole answer, by key.
    acked: BTreeMap<String, HashSet<String>>,
    /// Ends that somebody has seen, by run.
    ends: HashMap<String, End>,
    /// Answers that were neither a run nor a refusal for later.
    odd: Vec<String>,
    /// Whether requests and runs may meet failures of the program's own.
    hurt: bool,
    sequence: u64,
}

/// A request by its key.
#[derive(Clone)]
struct Sent {
    path: String,
    body: Value,
    /// How often the process had died before.
    deaths: u64,
}

struct End {
    seen: Value,
    /// Calls that the far end had received in all when this end was first seen: none of this run may follow.
    calls: usize,
}

/// What the far end received, and which runs are known to have ended.
#[derive(Default)]
struct Ledger {
    /// Numbers of the calls by run.
    calls: HashMap<String, Vec<usize>>,
    counted: usize,
    /// Runs whose end is checked, and their keys.
    settled: HashSet<String>,
    by_key: HashMap<String, String>,
    /// Runs that a crash has met.
    met: Vec<String>,
    found: Findings,
}

/// One campaign: an appliance's agents, a far end that counts, and clients.
pub struct Load {
    pub peer: Arc<Peer>,
    pub key: String,
    agents: Vec<String>,
    pub told: Arc<Mutex<Told>>,
    ledger: Mutex<Ledger>,
    deaths: Arc<AtomicU64>,
    pub acks: Arc<AtomicU64>,
    /// Told after every ack.
    pub acked: Arc<Notify>,
}

/// Figures of the campaign so far.
#[derive(Debug, Clone, Default)]
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
        Self {
            peer: Arc::new(peer),
            key,
            agents,
            told: Arc::default(),
            ledger: Mutex::default(),
            deaths: Arc::default(),
            acks: Arc::default(),
            acked: Arc::default(),
        }
    }

    /// The process has died, or has been stopped: what it had begun may be begun once more.
    pub fn died(&self) {
        self.deaths.fetch_add(1, SeqCst);
    }

    fn clients(&self, base: &str) -> impl Iterator<Item = Client> {
        (0..CLIENTS).map(move |_| Client {
            http: Http::new(base).bearer(&self.key),
            agents: self.agents.clone(),
            peer: self.peer.clone(),
            told: self.told.clone(),
            deaths: self.deaths.clone(),
            acks: self.acks.clone(),
            acked: self.acked.clone(),
        })
    }

    /// Clients that send as fast as they are answered, until the server is gone.
    pub fn start(&self, base: &str) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = self.clients(base).map(|client| {
            let stop = stop.clone();
            tokio::spawn(async move { while !stop.load(SeqCst) && client.send_new().await {} })
        });
        Running { clients: clients.collect(), stop }
    }

    /// As `start`, while the program is made to fail: whoever gets no answer goes on with the next, until `stop`.
    pub fn start_hurt(&self, base: &str, stop: &Arc<AtomicBool>) -> Running {
        self.told.lock().hurt = true;
        let clients = self.clients(base).map(|client| {
            let stop = stop.clone();
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    if !client.send_new().await {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            })
        });
        Running { clients: clients.collect(), stop: stop.clone() }
    }

    /// Sends again, under its key, everything that got no answer, and checks that all that was promised since the
    /// last look is kept and everything that was accepted ends. `look_back` lists every run there is; without it
    /// those that were looked at before are passed over.
    pub async fn settle(&self, server: &Server, look_back: LookBack) -> Findings {
        let http = server.http().bearer(&self.key);
        let unanswered = self.told.lock().unanswered.clone();
        for key in unanswered {
            let Sent { path, body, .. } = self.told.lock().sent[&key].clone();
            let answer = http.with("idempotency-key", key.clone()).post(&path, body).await;
            note(&mut self.told.lock(), &key, &answer, self.peer.received_count());
        }
        let mut runs = self.all_ended(&http).await;
        if look_back == LookBack::All {
            runs = self.list(&http, look_back).await;
            assert!(runs.iter().all(has_ended), "D6: an ended run goes on");
        }
        let found = self.check(&runs, look_back);
        if look_back == LookBack::All {
            check_money(&http, &runs).await;
        }
        found
    }

    async fn all_ended(&self, http: &Http) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let runs = self.list(http, LookBack::New).await;
            let open: Vec<_> = runs.iter().filter(|it| !has_ended(it)).collect();
            if open.is_empty() {
                return runs;
            }
            assert!(Instant::now() < deadline, "D6: zombies: {open:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs, newest first.
    async fn list(&self, http: &Http, look_back: LookBack) -> Vec<Value> {
        let known = |it: &Value| self.ledger.lock().settled.contains(text(it, "id"));
        let goes_on = |page: &[Value]| look_back == LookBack::All || !page.iter().all(known);
        http.list_while("/api/executions?limit=200", goes_on).await
    }

    fn check(&self, runs: &[Value], look_back: LookBack) -> Findings {
        let (mut told, mut ledger) = (self.told.lock(), self.ledger.lock());
        assert_eq!(told.odd, Vec::<String>::new());
        ledger.count(&self.peer);
        let deaths = self.deaths.load(SeqCst);
        let (mut listed, mut hurt) = (HashSet::new(), 0);
        for run in runs {
            let (id, key) = (text(run, "id"), text(&run["metadata"], "key"));
            listed.insert(id);
            if !told.sent.contains_key(key) {
                // Of the test itself.
                ledger.settled.insert(id.to_owned());
                continue;
            }
            let first = ledger.by_key.entry(key.to_owned()).or_insert_with(|| id.to_owned());
            assert_eq!(first, id, "D2: twins of {key}");
            let seen = json!([run["status"], run["completed_at"], run["output"]]);
            let calls = ledger.counted;
            let end = told.ends.entry(id.to_owned()).or_insert_with(|| End { seen: seen.clone(), calls });
            assert_eq!(end.seen, seen, "D6: the end of {id} changed");
            let count = ledger.calls.get(id).map_or(0, Vec::len);
            if text(&run["metadata"], "delivery") == "at_most_once" {
                assert!(count <= 1, "D4: {id} was called {count} times");
                assert!(count == 1 || run["status"] != "completed", "{id} completed uncalled");
            } else {
                let is_hurt = told.hurt && run["error"]["code"] == "Internal";
                assert!(run["status"] == "completed" || is_hurt, "{run}");
                hurt += u64::from(is_hurt);
                let allowed = 1 + deaths - told.sent[key].deaths;
                assert!(count as u64 <= allowed, "D4: {id} was called {count} times, {allowed} are declared");
            }
            if ledger.settled.insert(id.to_owned()) {
                ledger.found.runs += 1;
                ledger.found.repeated += count.saturating_sub(1);
                let interrupted = run["error"]["code"] == "Interrupted";
                ledger.found.interrupted += usize::from(interrupted);
                if interrupted || count > 1 {
                    ledger.met.push(id.to_owned());
                }
            }
        }
        assert!(hurt <= deaths, "{hurt} runs have failed of themselves");
        for (key, ids) in &told.acked {
            assert_eq!(ids.len(), 1, "D2: twins of {key}: {ids:?}");
            let is_there = |it: &String| match look_back {
                LookBack::All => listed.contains(it.as_str()),
                LookBack::New => ledger.settled.contains(it),
            };
            assert!(ids.iter().all(is_there), "D1: lost {key}: {ids:?}");
        }
        let strange = ledger.calls.keys().find(|it| !ledger.settled.contains(*it));
        assert_eq!(strange, None, "D5: a call without its run's own key");
        for (id, end) in &told.ends {
            let late = ledger.calls.get(id).and_then(|it| it.last()).filter(|it| **it >= end.calls);
            assert!(late.is_none(), "D3: {id} was called after its end was known");
        }
        ledger.found.acked = told.acked.len();
        ledger.found.clone()
    }

    /// The events of some of the runs, from their first to their last; those that a crash has met go first.
    pub async fn check_events(&self, server: &Server, most: usize) -> usize {
        let http = server.http().bearer(&self.key);
        let met = self.ledger.lock().met.clone();
        let others = self.told.lock().ends.keys().cloned().collect::<Vec<_>>();
        let ids: Vec<String> = met.into_iter().chain(others).take(most).collect();
        for id in &ids {
            let events = Events::get(&http, &format!("/api/executions/{id}/events")).await.rest().await;
            assert_whole(&events, 1);
            // Taken up in the middle, also by a process that never sent the first half.
            let after = events.len() / 2;
            let http = http.with("last-event-id", after.to_string());
            let rest = Events::get(&http, &format!("/api/executions/{id}/events")).await.rest().await;
            assert_eq!(rest, events[after..], "D12: taken up behind {after}");
        }
        ids.len()
    }
}

/// How many runs a look takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookBack {
    New,
    All,
}

impl Ledger {
    fn count(&mut self, peer: &Peer) {
        for request in peer.received_after(self.counted) {
            let run = request.header("idempotency-key").expect("D5: a key").to_owned();
            self.calls.entry(run).or_default().push(self.counted);
            self.counted += 1;
        }
    }
}

/// What is counted with the end of a run agrees with the runs.
async fn check_money(http: &Http, runs: &[Value]) {
    let total = http.get("/api/analytics/summary").await.expect(200)["total"].clone();
    let count = |status: &str| runs.iter().filter(|it| it["status"] == status).count();
    let calls: u64 = runs.iter().filter_map(|it| it["usage"]["api_calls"].as_u64()).sum();
    let found = [&total["executions"], &total["completed"], &total["failed"], &total["api_calls"]];
    let of_runs = json!([runs.len(), count("completed"), count("failed"), calls]);
    assert_eq!(json!(found), of_runs, "D10: the sums differ from the runs");
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
    peer: Arc<Peer>,
    told: Arc<Mutex<Told>>,
    deaths: Arc<AtomicU64>,
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
            let sent = Sent { path: path.clone(), body: body.clone(), deaths: self.deaths.load(SeqCst) };
            told.sent.insert(key.clone(), sent);
            told.unanswered.insert(key.clone());
            (key, path, body)
        };
        match self.http.with("idempotency-key", key.clone()).try_post(&path, &body).await {
            None => false,
            Some(answer) => {
                let goes_on = note(&mut self.told.lock(), &key, &answer, self.peer.received_count());
                self.acks.fetch_add(1, SeqCst);
                self.acked.notify_waiters();
                goes_on
            }
        }
    }
}

/// Keeps what an answer promised; `false` where the server takes no more. `calls` is what the far end has
/// received by now.
fn note(told: &mut Told, key: &str, answer: &Answer, calls: usize) -> bool {
    let body = answer.json();
    let named = body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str());
    match (answer.status, named) {
        (status, Some(id)) => {
            told.unanswered.remove(key);
            told.acked.entry(key.to_owned()).or_default().insert(id.to_owned());
            if status == 200 && has_ended(&body) {
                let seen = json!([body["status"], body["completed_at"], body["output"]]);
                told.ends.entry(id.to_owned()).or_insert(End { seen, calls });
            }
            true
        }
        (503, None) => false,
        (500, None) if told.hurt => false,
        (status, None) => {
            told.odd.push(format!("{key}: {status} {body}"));
            true
        }
    }
}

fn has_ended(run: &Value) -> bool {
    ["completed", "failed", "cancelled", "timeout"].contains(&text(run, "status"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
