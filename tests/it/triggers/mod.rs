//! Triggers, through the front door: others call, in their own way of signing, and runs start.

mod chains;
mod crash;
mod events;
mod hooks;
mod pages;
mod presets;
mod verbs;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reeve::base::Clock as _;
use serde_json::{Value, json};

use crate::agents::published;
use crate::support::Appliance;
use crate::support::clock::HeldClock;
use crate::support::http::{Answer, Http};
use crate::support::peer::{Peer, answer, json as says};
use crate::support::people::{Caller, SCOPES};

const SECRET: &str = "a secret of this test";

/// An appliance at a time of the test's own, its owner, and an agent that repeats its input.
struct Bench {
    appliance: Appliance,
    clock: Arc<HeldClock>,
    owner: Caller,
    peer: Peer,
    agent: String,
}

impl Bench {
    async fn new() -> Self {
        let peer = Peer::start(|request, _| match request.json()["text"].as_str() {
            Some("fail") => answer(400, &[], "no"),
            _ => says(&json!({ "echo": request.json() })),
        })
        .await;
        let allow = peer.address.to_string();
        let settings = |it: &mut reeve::config::Config| {
            it.egress.allow = vec![allow];
            it.auth.open_registration = true;
        };
        let (appliance, clock) = Appliance::start_held(settings, Vec::new()).await;
        let mut owner = appliance.owner().await;
        owner.http = owner.key(SCOPES).await;
        let config = json!({ "url": peer.url("/work") });
        let agent = json!({ "name": "Echo", "agent_type": "webhook", "config": config });
        let path = published(&owner, agent).await;
        let agent = path.rsplit('/').next().expect("an id").to_owned();
        Self { appliance, clock, owner, peer, agent }
    }

    /// A trigger of the agent; `change` says how it is signed.
    async fn trigger(&self, change: Value) -> Value {
        let mut new = json!({ "name": "Calls", "agent_id": self.agent, "secret": SECRET });
        json_patch::merge(&mut new, &change);
        self.owner.post("/api/triggers", new).await.expect(201)
    }

    async fn signed_by(&self, scheme: &str) -> Hook {
        let made = self.trigger(json!({ "signature": { "scheme": scheme } })).await;
        self.hook(&made)
    }

    fn hook(&self, made: &Value) -> Hook {
        let url = made["url"].as_str().expect("an address");
        let path = &url[url.find("/hooks/").expect("a path")..];
        let id = made["id"].as_str().expect("an id").to_owned();
        Hook { id, path: path.to_owned(), http: self.appliance.anonymous() }
    }

    fn now(&self) -> i64 {
        self.clock.now().millis() / 1_000
    }

    async fn hits(&self, hook: &Hook) -> Vec<Value> {
        let page = self.owner.get(&format!("/api/triggers/{}/hits", hook.id)).await.expect(200);
        page["items"].as_array().expect("items").clone()
    }

    async fn runs(&self) -> Vec<Value> {
        let page = self.owner.get("/api/executions?limit=200").await.expect(200);
        page["items"].as_array().expect("items").clone()
    }
}

/// An address, as its sender has it.
struct Hook {
    id: String,
    path: String,
    http: Http,
}

impl Hook {
    async fn call(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let http = headers.iter().fold(self.http.clone(), |it, (name, value)| it.with(name, *value));
        http.send(http::Method::POST, &self.path, Some("application/json"), body.to_owned().into()).await
    }

    /// As GitHub does.
    async fn github(&self, delivery: &str, body: &str) -> Answer {
        let signature = format!("sha256={}", hexed(SECRET.as_bytes(), body));
        let headers = [
            ("x-hub-signature-256", signature.as_str()),
            ("x-github-delivery", delivery),
            ("x-github-event", "issues"),
        ];
        self.call(&headers, body).await
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("a key");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub fn hexed(key: &[u8], message: &str) -> String {
    mac(key, message).iter().map(|it| format!("{it:02x}")).collect()
}

fn based(key: &[u8], message: &str) -> String {
    STANDARD.encode(mac(key, message))
}

fn run_of(answer: &Value) -> &str {
    answer["execution_id"].as_str().expect("a run")
}
