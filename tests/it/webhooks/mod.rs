//! Outgoing webhooks, through the front door: a far end hears of the ends of runs.

mod callbacks;
mod crash;
mod failures;
mod pages;
mod sends;
mod verbs;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

use crate::agents::published;
use crate::support::clock::HeldClock;
use crate::support::peer::{Peer, Received, Step, answer, json as says};
use crate::support::people::{Caller, SCOPES};
use crate::support::{Appliance, until};

/// An appliance at a time of the test's own, its owner, and a far end: `/work` is an agent, `/hook` is told.
struct Bench {
    appliance: Appliance,
    clock: Arc<HeldClock>,
    owner: Caller,
    peer: Peer,
}

impl Bench {
    /// The far end answers `/hook` as `script` says, to the request and how many came to `/hook` before it.
    async fn new(script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::set(|_| {}, script).await
    }

    async fn set(
        change: impl FnOnce(&mut reeve::config::Config),
        script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let heard = std::sync::atomic::AtomicUsize::new(0);
        let peer = Peer::start(move |request, _| {
            if request.line().contains("/hook") {
                let before = heard.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                return script(request, before);
            }
            match request.json()["text"].as_str() {
                Some("hang") => vec![Step::Hang],
                Some("fail") => answer(400, &[], "no"),
                Some("deep") => {
                    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
                    answer(200, &[("Content-Type", "application/json")], &deep)
                }
                _ => says(&json!({ "answer": 42 })),
            }
        })
        .await;
        let allow = peer.address.to_string();
        let settings = |it: &mut reeve::config::Config| {
            it.egress.allow = vec![allow];
            it.auth.open_registration = true;
            change(it);
        };
        let (appliance, clock) = Appliance::start_held(settings, Vec::new()).await;
        let mut owner = appliance.owner().await;
        // A log-in would not outlive what the clock is moved by.
        owner.http = owner.key(SCOPES).await;
        Self { appliance, clock, owner, peer }
    }

    /// A published agent; answers its path.
    async fn agent(&self, name: &str) -> String {
        let config = json!({ "url": self.peer.url("/work") });
        published(&self.owner, json!({ "name": name, "agent_type": "webhook", "config": config })).await
    }

    /// A webhook to the far end, with its secret.
    async fn webhook(&self, change: Value) -> Value {
        let mut new = json!({
            "name": "Desk", "url": self.peer.url("/hook"),
            "events": ["execution.completed", "execution.failed"],
        });
        json_patch::merge(&mut new, &change);
        self.owner.post("/api/webhooks", new).await.expect(201)
    }

    /// Runs the agent to its end; answers the run's id. What is made later has a later time.
    async fn run(&self, agent: &str, text: &str) -> String {
        self.clock.advance_ms(1);
        let body = json!({ "input": { "text": text }, "wait_ms": 20_000 });
        let answer = self.owner.post(&format!("{agent}/execute"), body).await;
        let body = answer.json();
        let id = body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str());
        id.unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    /// Lets the clock run and the timers see it.
    fn pass(&self, ms: u64) {
        self.clock.advance_ms(ms);
        self.appliance.inner.services.timers.look();
    }

    /// What `/hook` heard, once it was so many.
    async fn heard(&self, count: usize) -> Vec<Received> {
        until("so many messages", async || self.told().len() >= count).await;
        self.told()
    }

    fn told(&self) -> Vec<Received> {
        let mut told = self.peer.received();
        told.retain(|it| it.line().contains("/hook"));
        told
    }

    /// The deliveries of a webhook, newest first, once `fits` holds for them.
    async fn deliveries(&self, id: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let path = format!("/api/webhooks/{id}/deliveries?limit=200");
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let page = self.owner.get(&path).await.expect(200);
            let items = page["items"].as_array().expect("items").clone();
            if fits(&items) {
                return items;
            }
            assert!(tokio::time::Instant::now() < patience, "{items:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The only delivery, once it is in this state after so many attempts.
    async fn delivery(&self, id: &str, status: &str, attempts: u64) -> Value {
        let fits = |it: &[Value]| it.len() == 1 && it[0]["status"] == status && it[0]["attempts"] == attempts;
        self.deliveries(id, fits).await.remove(0)
    }
}

fn id_of(webhook: &Value) -> &str {
    webhook["id"].as_str().expect("an id")
}

/// Whether one of the message's signatures is that of `secret`, computed as the specification says.
fn is_signed(request: &Received, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let (id, at) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.{}", id.expect("an id"), at.expect("a time"), request.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    request.header("webhook-signature").expect("a signature").split(' ').any(|it| it == expected)
}

fn taken() -> Vec<Step> {
    answer(204, &[], "")
}

fn status(code: u16) -> Vec<Step> {
    answer(code, &[], "not today")
}
