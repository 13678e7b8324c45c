//! Chains, through the front door, with real far ends.

mod changes;
mod checks;
mod errors;
mod rights;
mod steps;
mod turns;

use reeve::config::Config;
use serde_json::{Value, json};

use crate::agents::published;
use crate::support::Appliance;
use crate::support::events::{Event, Events, assert_whole};
use crate::support::http::Answer;
use crate::support::peer::{Peer, Received, Step, json as json_answer};
use crate::support::people::Caller;

/// An appliance, its owner, and a far end whose paths are the agents of this test.
struct Bench {
    appliance: Appliance,
    owner: Caller,
    peer: Peer,
}

impl Bench {
    /// Every agent answers `{"from": its path, "got": what it got}`.
    async fn new() -> Self {
        Self::with(|it, _| said(it)).await
    }

    async fn with(script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::set(|_| {}, script).await
    }

    async fn set(
        change: impl FnOnce(&mut Config),
        script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let peer = Peer::start(script).await;
        let allow = peer.address.to_string();
        let settings = |it: &mut Config| {
            it.egress.allow = vec![allow];
            it.auth.open_registration = true;
            change(it);
        };
        let appliance = Appliance::start_with(settings, Vec::new()).await;
        let owner = appliance.owner().await;
        Self { appliance, owner, peer }
    }

    /// A published agent that asks the far end at `/name`; answers its id.
    async fn agent(&self, name: &str) -> String {
        self.agent_with(name, json!({})).await
    }

    async fn agent_with(&self, name: &str, change: Value) -> String {
        let config = json!({ "url": self.peer.url(&format!("/{name}")) });
        let mut agent = json!({ "name": name, "agent_type": "webhook", "config": config });
        json_patch::merge(&mut agent, &change);
        let path = published(&self.owner, agent).await;
        path.rsplit('/').next().expect("an id").to_owned()
    }

    /// Agents `a`, `b` and `c`, by their slugs.
    async fn three(&self) {
        for name in ["a", "b", "c"] {
            self.agent(name).await;
        }
    }

    /// Makes a chain; answers its path.
    async fn chain(&self, chain: Value) -> String {
        let chain = self.owner.post("/api/chains", chain).await.expect(201);
        format!("/api/chains/{}", chain["id"].as_str().expect("an id"))
    }

    async fn run(&self, chain: &str, input: Value) -> Answer {
        self.owner.post(&format!("{chain}/execute"), json!({ "input": input })).await
    }

    /// Accepted and not waited for; answers the run's path.
    async fn begin(&self, chain: &str, input: Value) -> String {
        let body = json!({ "input": input, "wait_ms": 0 });
        let answer = self.owner.post(&format!("{chain}/execute"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("location").expect("a place").to_owned()
    }

    /// The run and its events, once it has ended.
    async fn ended(&self, run: &str) -> (Value, Vec<Event>) {
        let events = Events::get(&self.owner, &format!("{run}/events")).await.rest().await;
        assert_whole(&events, 1);
        (self.owner.get(run).await.expect(200), events)
    }

    /// Stops in order and starts again on the same data.
    async fn restart(self) -> Self {
        let appliance = self.appliance.restart().await;
        let owner = appliance.owner().await;
        Self { appliance, owner, peer: self.peer }
    }

    /// The paths that were asked, in order.
    fn asked(&self) -> Vec<String> {
        self.peer.received().iter().map(|it| it.line().trim_start_matches("POST ").to_owned()).collect()
    }

    fn keys(&self) -> Vec<String> {
        let received = self.peer.received();
        received.iter().map(|it| it.header("idempotency-key").expect("a key").to_owned()).collect()
    }
}

/// A chain of these steps.
fn chain(name: &str, steps: Value) -> Value {
    json!({ "name": name, "steps": steps })
}

fn names(it: &Received, name: &str) -> bool {
    it.line().ends_with(&format!("/{name}"))
}

fn said(request: &Received) -> Vec<Step> {
    let from = request.line().trim_start_matches("POST /").to_owned();
    json_answer(&json!({ "from": from, "got": request.json() }))
}

/// Kinds of the events about steps, with the step.
fn told(events: &[Event]) -> Vec<String> {
    let about = events.iter().filter(|it| it.kind.starts_with("step."));
    about.map(|it| format!("{} {}", it.kind, it.data["step"].as_str().expect("a step"))).collect()
}
