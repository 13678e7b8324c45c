//! Another organization beside the load, which does all that is not a plain run: chains, ticks, messages that come in,
//! messages that go out, sessions, budgets, second attempts, credentials whose value is replaced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::load::LookBack;
use super::server::Server;
use crate::support::PASSWORD;
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step, answer, json as says};
use crate::support::people::SCOPES;
use crate::triggers::hexed;

const EMAIL: &str = "owner@weir.test";
const SECRET: &str = "a secret of the sender";
/// From ready to the end of everything.
const PATIENCE: Duration = Duration::from_secs(60);
const WAIT_MS: u64 = 2_000;
const MUCH_BYTES: usize = 400_000;
/// What one call of the model is held for.
const DOLLAR: i64 = 1_000_000;

/// The organization, its far end, and what it was told.
#[derive(Clone)]
pub struct Others {
    pub peer: Arc<Peer>,
    key: String,
    steady: String,
    flaky: String,
    model: String,
    chain: String,
    hook: String,
    trigger: String,
    budget: String,
    credential: String,
    schedule: String,
    slow: String,
    /// The run that waits for an answer that never comes.
    open: Arc<Mutex<String>>,
    number: Arc<AtomicU64>,
    /// Runs of messages, by number, as they were answered.
    answered: Arc<Mutex<BTreeMap<u64, String>>>,
    /// Runs that were named in an answer.
    acked: Arc<Mutex<HashSet<String>>>,
    /// Rounds in which everything was done once.
    pub rounds: Arc<AtomicU64>,
}

/// `/flaky` wants everything said twice; `/v1` is a model that costs a fifth of what is held.
pub async fn far_end() -> Peer {
    let heard = Mutex::new(HashSet::new());
    Peer::start(move |request: &Received, number| match request.line() {
        it if it.contains("/flaky") => {
            let key = request.header("idempotency-key").unwrap_or_default().to_owned();
            if heard.lock().insert(key) { answer(503, &[], "once more") } else { says(&json!({})) }
        }
        it if it.contains("/v1") => says(&json!({
            "choices": [{ "finish_reason": "stop", "message": { "content": "fine" } }],
            "usage": { "prompt_tokens": 0, "completion_tokens": 20 },
        })),
        _ => {
            let pause = Step::Pause(Duration::from_millis(if number % 4 == 0 { 15 } else { 0 }));
            std::iter::once(pause).chain(says(&json!({ "ok": true }))).collect()
        }
    })
    .await
}

impl Others {
    /// Needs `auth.open_registration`.
    pub async fn new(server: &Server, peer: Peer) -> Self {
        let body = json!({ "email": EMAIL, "password": PASSWORD, "org_name": "Weir" });
        server.http().post("/api/auth/register", body).await.expect(201);
        let login = json!({ "email": EMAIL, "password": PASSWORD });
        let tokens = server.http().post("/api/auth/login", login).await.expect(200);
        let owner = server.http().bearer(tokens["access_token"].as_str().expect("a token"));
        let key = json!({ "name": "campaign", "scopes": SCOPES });
        let key = text(&owner.post("/api/api-keys", key).await.expect(201)["secret"]);
        let http = server.http().bearer(&key);

        let value = json!({ "username": "ada", "password": "a-quiet-river-0815" });
        let credential = json!({ "name": "A", "kind": "basic_auth", "value": value });
        let credential = text(&http.post("/api/credentials", credential).await.expect(201)["id"]);
        let webhook = |name: &str, path: &str, execution: Value| {
            json!({
                "name": name, "agent_type": "webhook", "config": { "url": peer.url(path) },
                "credential_ids": [credential], "execution": execution,
            })
        };
        let steady = webhook("Steady", "/work", json!({ "delivery": "at_least_once" }));
        let steady = agent(&http, steady).await;
        let once = agent(&http, webhook("Once", "/work", json!({ "delivery": "at_most_once" }))).await;
        let retry = json!({ "max_attempts": 8, "backoff_ms": 1, "max_backoff_ms": 5 });
        let flaky = json!({ "delivery": "at_least_once", "retry": retry });
        let flaky = agent(&http, webhook("Flaky", "/flaky", flaky)).await;
        let model = json!({
            "name": "Model", "agent_type": "openai", "credential_ids": [],
            "config": {
                "base_url": peer.url("/v1"), "model": "m", "stream": false, "max_tokens": 100,
                "input_price": 0, "output_price": 10_000,
            },
            "execution": { "delivery": "at_least_once" },
        });
        let model = agent(&http, model).await;
        let slow = json!({
            "name": "Slow", "agent_type": "webhook", "execution": { "delivery": "at_least_once" },
            "config": { "url": peer.url("/slow"), "reply": "callback", "callback_field": "to" },
        });
        let slow = agent(&http, slow).await;

        let budget = json!({
            "name": "All", "scope": "organization", "window": "total", "limit_micros": 1_000_000 * DOLLAR,
        });
        let budget = text(&http.post("/api/budgets", budget).await.expect(201)["id"]);
        let step = |id: &str, agent: &str| json!({ "id": id, "agent_id": id_of(agent) });
        let steps = [step("one", &steady), step("two", &once), step("three", &model)];
        let chain = http.post("/api/chains", json!({ "name": "Chain", "steps": steps })).await.expect(201);
        let trigger = json!({
            "name": "T", "agent_id": id_of(&steady), "secret": SECRET, "signature": { "scheme": "github" },
        });
        let trigger = http.post("/api/triggers", trigger).await.expect(201);
        let hook = text(&trigger["url"]);
        let hook = hook[hook.find("/hooks/").expect("a path")..].to_owned();
        let webhook = json!({
            "name": "Desk", "url": peer.url("/told"), "events": ["execution.completed"],
        });
        http.post("/api/webhooks", webhook).await.expect(201);
        let schedule = json!({
            "name": "Each second", "agent_id": id_of(&steady), "cron": "* * * * * *", "overlap": "allow",
            "missed_runs": "all", "catch_up_limit": 100,
        });
        let schedule = text(&http.post("/api/schedules", schedule).await.expect(201)["id"]);
        let open = begun(&http, &slow).await;
        Self {
            chain: format!("/api/chains/{}", text(&chain["id"])),
            peer: Arc::new(peer),
            key,
            steady,
            flaky,
            model,
            hook,
            trigger: text(&trigger["id"]),
            budget,
            credential,
            schedule,
            slow,
            open: Arc::new(Mutex::new(open)),
            number: Arc::default(),
            answered: Arc::default(),
            acked: Arc::default(),
            rounds: Arc::default(),
        }
    }

    /// Does everything over and over until it is stopped.
    pub fn start(&self, base: &str, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
        let (others, stop) = (self.clone(), stop.clone());
        let (http, hooks) = (Http::new(base).bearer(&self.key), Http::new(base));
        tokio::spawn(async move {
            while !stop.load(SeqCst) {
                if others.round(&http, &hooks).await {
                    others.rounds.fetch_add(1, SeqCst);
                } else {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    }

    /// Sends much at once, so that the log is soon full.
    pub fn fill(&self, base: &str, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
        let (http, stop) = (Http::new(base).bearer(&self.key), stop.clone());
        let path = format!("{}/execute", self.steady);
        tokio::spawn(async move {
            let much = json!({ "input": { "text": "x".repeat(MUCH_BYTES) }, "wait_ms": WAIT_MS });
            while !stop.load(SeqCst) {
                if http.try_post(&path, &much).await.is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        })
    }

    /// Whether everything was done.
    async fn round(&self, http: &Http, hooks: &Http) -> bool {
        let number = self.number.fetch_add(1, SeqCst);
        let talk = json!({ "input": {}, "session_id": format!("s{}", number % 3), "wait_ms": WAIT_MS });
        let plain = json!({ "input": "a", "wait_ms": WAIT_MS });
        let mut done = true;
        for (path, body) in
            [(&self.steady, &talk), (&self.flaky, &plain), (&self.model, &plain), (&self.chain, &plain)]
        {
            done &= self.run(http, &format!("{path}/execute"), body).await;
        }
        done &= self.message(hooks, number).await;
        let password = format!("another-river-{number:04}");
        let value = json!({ "value": { "username": "ada", "password": password } });
        let path = format!("/api/credentials/{}/rotate", self.credential);
        let rotated = http.try_post(&path, &value).await;
        done & rotated.is_some_and(|it| it.status == 200)
    }

    /// Whether it was answered with a run.
    async fn run(&self, http: &Http, path: &str, body: &Value) -> bool {
        let Some(answer) = http.try_post(path, body).await else { return false };
        let body = answer.json();
        let id = body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str());
        if let Some(id) = id {
            self.acked.lock().insert(id.to_owned());
        }
        answer.status == 200
    }

    async fn message(&self, hooks: &Http, number: u64) -> bool {
        let body = json!({ "n": number });
        let signature = format!("sha256={}", hexed(SECRET.as_bytes(), &body.to_string()));
        let hooks = hooks.with("x-hub-signature-256", signature);
        let Some(answer) = hooks.try_post(&self.hook, &body).await else { return false };
        if answer.status != 202 {
            return false;
        }
        let run = text(&answer.json()["execution_id"]);
        let first = self.answered.lock().entry(number).or_insert_with(|| run.clone()).clone();
        assert_eq!(first, run, "D2: message {number} started twice");
        true
    }

    /// Everything ends, nothing that was answered is lost, nothing happened twice that may not. Answers a line of
    /// figures. `look_back`: messages that were answered are sent again, too.
    pub async fn settle(&self, server: &Server, look_back: LookBack) -> String {
        let http = server.http().bearer(&self.key);
        for number in 0..self.number.load(SeqCst) {
            if look_back == LookBack::New && self.answered.lock().contains_key(&number) {
                continue;
            }
            assert!(self.message(&server.http(), number).await, "message {number} is taken");
        }
        http.post(&format!("/api/schedules/{}/disable", self.schedule), json!({})).await.expect(200);
        let runs = self.all_ended(&http).await;
        for id in self.acked.lock().iter().chain(self.answered.lock().values()) {
            assert!(runs.contains_key(id), "D1: {id} is lost");
        }
        let messages: BTreeSet<String> = self.answered.lock().values().cloned().collect();
        let started = runs.values().filter(|it| it["trigger"]["source"] == self.trigger.as_str()).count();
        assert_eq!(started, messages.len(), "D2: a run for each message");
        let steps = self.check_calls(&runs);
        let ticks = self.check_ticks(&http, &runs).await;
        let told = self.check_told(&runs).await;
        self.check_budget(&http).await;
        http.post(&format!("/api/schedules/{}/enable", self.schedule), json!({})).await.expect(200);
        let open = self.open.lock().clone();
        if runs.contains_key(&open) {
            *self.open.lock() = begun(&http, &self.slow).await;
        }
        format!("runs={} messages={} steps={steps} ticks={ticks} told={told}", runs.len(), messages.len())
    }

    /// All runs by id; not the open one, where a failure has not met just that.
    async fn all_ended(&self, http: &Http) -> HashMap<String, Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut runs: HashMap<String, Value> = http
                .list("/api/executions?limit=200")
                .await
                .into_iter()
                .map(|it| (text(&it["id"]), it))
                .collect();
            let open = self.open.lock().clone();
            let open = runs.get(&open).expect("D1: the open run is lost").clone();
            match open["status"].as_str() {
                Some("running") => drop(runs.remove(&text(&open["id"]))),
                _ => assert_eq!(open["error"]["code"], "Internal", "{open}"),
            }
            let goes_on = runs.values().find(|it| it["completed_at"].is_null());
            let Some(goes_on) = goes_on else { return runs };
            assert!(Instant::now() < deadline, "D6: a zombie: {goes_on}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Steps of chains come in order, and what may be asked once is asked once.
    fn check_calls(&self, runs: &HashMap<String, Value>) -> usize {
        let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
        for request in self.peer.received() {
            let Some(key) = request.header("idempotency-key") else { continue };
            let mut parts = key.split('.');
            let run = parts.next().expect("a run");
            let Some(step) = parts.next() else { continue };
            let place = ["one", "two", "three"].iter().position(|it| *it == step).expect("a step");
            seen.entry(run.to_owned()).or_default().push(place);
        }
        for (run, order) in &seen {
            let ended = runs.get(run).unwrap_or_else(|| panic!("D1: {run} is lost"));
            assert!(order.is_sorted(), "D3: {run} ran {order:?}");
            assert!(order.iter().filter(|it| **it == 1).count() <= 1, "D4: {run} ran {order:?}");
            if ended["status"] == "completed" {
                let mut different = order.clone();
                different.dedup();
                assert_eq!(different, [0, 1, 2], "{ended}");
            }
        }
        seen.values().map(Vec::len).sum()
    }

    /// Each tick has one run, and each run its tick.
    async fn check_ticks(&self, http: &Http, runs: &HashMap<String, Value>) -> usize {
        let mut by_tick: BTreeMap<String, usize> = BTreeMap::new();
        for run in runs.values() {
            if let Some(at) = run["metadata"]["scheduled_at"].as_str() {
                *by_tick.entry(at.to_owned()).or_default() += 1;
            }
        }
        let twins: Vec<_> = by_tick.iter().filter(|it| *it.1 > 1).collect();
        assert!(twins.is_empty(), "D8: two runs of one tick: {twins:?}");
        let history = http.list(&format!("/api/schedules/{}/history?limit=200", self.schedule)).await;
        let fired = history.iter().filter(|it| it["outcome"] == "fired");
        let fired: BTreeSet<String> = fired.map(|it| text(&it["at"])).collect();
        let ran: BTreeSet<String> = by_tick.into_keys().collect();
        assert_eq!(fired, ran, "D8: ticks and their runs");
        ran.len()
    }

    /// Every end is told of at least once, under one id.
    async fn check_told(&self, runs: &HashMap<String, Value>) -> usize {
        let completed = runs.iter().filter(|it| it.1["status"] == "completed");
        let completed: HashSet<&String> = completed.map(|it| it.0).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut told: HashMap<String, HashSet<String>> = HashMap::new();
            for request in self.peer.received().iter().filter(|it| it.line().contains("/told")) {
                let id = request.header("webhook-id").expect("D11: an id").to_owned();
                told.entry(text(&request.json()["data"]["id"])).or_default().insert(id);
            }
            let twice = told.iter().find(|it| it.1.len() > 1);
            assert_eq!(twice, None, "D11: two events of one end");
            let missing: Vec<_> = completed.iter().filter(|it| !told.contains_key(**it)).collect();
            if missing.is_empty() {
                return told.len();
            }
            assert!(Instant::now() < deadline, "D11: nobody was told of {missing:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nothing is held once everything has ended, and all that was asked of the model is counted, what a crash cut
    /// off as what was held for it.
    async fn check_budget(&self, http: &Http) {
        let page = http.get(&format!("/api/budgets/{}", self.budget)).await.expect(200);
        let standing = &page["standing"];
        assert_eq!(standing["reserved_micros"], 0, "D10: {standing}");
        let asked = self.peer.received().iter().filter(|it| it.line().contains("/v1")).count() as i64;
        let used = standing["used_micros"].as_i64().expect("a number");
        assert!(used >= asked * DOLLAR / 5, "D10: {asked} calls, {standing}");
    }
}

async fn agent(http: &Http, agent: Value) -> String {
    let path = crate::agents::made(http, agent).await;
    http.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
    path
}

/// A run that has no end.
async fn begun(http: &Http, slow: &str) -> String {
    let run = json!({ "input": {}, "wait_ms": 0, "timeout_ms": 3_600_000 });
    text(&http.post(&format!("{slow}/execute"), run).await.expect(202)["id"])
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text: {value}")).to_owned()
}
