//! Budgets, through the front door: what is held back before a call, and what is counted after it.

mod crash;
mod limits;
mod notices;
mod pages;
mod sessions;
mod steps;
mod verbs;
mod windows;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::agents::published;
use crate::support::Appliance;
use crate::support::clock::HeldClock;
use crate::support::http::Http;
use crate::support::peer::{Peer, Received, Step, json as says};
use crate::support::people::{Caller, SCOPES};

/// What one call of `model` is held for, and costs where it uses all that it may.
const DOLLAR: i64 = 1_000_000;

/// A model that has used so many tokens for its answer.
fn completion(tokens: u64) -> Vec<Step> {
    says(&json!({
        "choices": [{ "finish_reason": "stop", "message": { "content": "fine" } }],
        "usage": { "prompt_tokens": 0, "completion_tokens": tokens },
    }))
}

/// An agent on a model at `peer`, at most 100 tokens for a cent each: a call may cost a dollar.
fn model(peer: &Peer, name: &str) -> Value {
    let config = json!({
        "base_url": peer.url("/v1"), "model": "m", "stream": false, "max_tokens": 100,
        "input_price": 0, "output_price": 10_000,
    });
    json!({
        "name": name, "agent_type": "openai", "config": config,
        "execution": { "retry": { "max_attempts": 1, "backoff_ms": 0, "max_backoff_ms": 0 } },
    })
}

/// An appliance at a time of the test's own, its owner, and a model.
struct Bench {
    appliance: Appliance,
    clock: Arc<HeldClock>,
    owner: Caller,
    peer: Peer,
}

impl Bench {
    /// Every call uses all that it may.
    async fn new() -> Self {
        Self::with(|_, _| completion(100)).await
    }

    async fn with(script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let peer = Peer::start(script).await;
        let allow = peer.address.to_string();
        let settings = |it: &mut reeve::config::Config| it.egress.allow = vec![allow];
        let (appliance, clock) = Appliance::start_held(settings, Vec::new()).await;
        let mut owner = appliance.owner().await;
        // A log-in would not outlive what the clock is moved by.
        owner.http = owner.key(SCOPES).await;
        Self { appliance, clock, owner, peer }
    }

    /// A published agent on the model; answers its path.
    async fn agent(&self, name: &str) -> String {
        published(&self.owner, model(&self.peer, name)).await
    }

    async fn budget(&self, change: Value) -> Value {
        let mut new = json!({
            "name": "All", "scope": "organization", "window": "day", "limit_micros": 10 * DOLLAR,
        });
        json_patch::merge(&mut new, &change);
        self.owner.post("/api/budgets", new).await.expect(201)
    }

    /// How a budget stands.
    async fn standing(&self, budget: &Value) -> Value {
        standing(&self.owner, budget).await
    }
}

async fn standing(http: &Http, budget: &Value) -> Value {
    let path = format!("/api/budgets/{}", budget["id"].as_str().expect("an id"));
    http.get(&path).await.expect(200)["standing"].clone()
}

/// Used, reserved, calls.
fn figures(standing: &Value) -> (i64, i64, u64) {
    let number = |name: &str| standing[name].as_i64().unwrap_or_else(|| panic!("{standing}"));
    (number("used_micros"), number("reserved_micros"), standing["calls"].as_u64().expect("calls"))
}

/// The id behind an agent's path.
fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
