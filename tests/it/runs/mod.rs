//! Runs of agents, through the front door, with real far ends.

mod batches;
mod bulk;
mod callbacks;
mod ends;
mod fairness;
mod limits;
mod lists;
mod memory;
mod pauses;
mod repeats;
mod retention;
mod retries;
mod sessions;
mod stops;
mod streams;
mod timers;
mod usage;

use std::sync::Arc;

use reeve::config::Config;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::agents::published;
use crate::support::Appliance;
use crate::support::peer::{Peer, Received, Step, json as json_answer};
use crate::support::people::Caller;

/// An appliance, its owner, and a far end that agents of this test call.
struct Bench {
    appliance: Appliance,
    owner: Caller,
    peer: Peer,
}

impl Bench {
    async fn new(script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::with(|_| {}, script).await
    }

    async fn with(
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

    /// A far end that answers each request when a permit is given.
    async fn gated(change: impl FnOnce(&mut Config)) -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let script = move |_: &Received, _| {
            let mut steps = vec![Step::Wait(held.clone())];
            steps.extend(json_answer(&json!({ "ok": true })));
            steps
        };
        (Self::with(change, script).await, gate)
    }

    /// A published webhook agent on the far end; answers its path.
    async fn agent(&self, name: &str, execution: Value) -> String {
        self.agent_with(name, &json!({ "execution": execution })).await
    }

    async fn agent_with(&self, name: &str, change: &Value) -> String {
        published(&self.owner, self.webhook(name, change)).await
    }

    fn webhook(&self, name: &str, change: &Value) -> Value {
        let config = json!({ "url": self.peer.url("/work") });
        let mut agent = json!({ "name": name, "agent_type": "webhook", "config": config });
        json_patch::merge(&mut agent, change);
        agent
    }

    /// Stops in order and starts again on the same data.
    async fn restart(self) -> Self {
        let appliance = self.appliance.restart().await;
        let owner = appliance.owner().await;
        Self { appliance, owner, peer: self.peer }
    }

    /// Accepted and not waited for; answers the run's path.
    async fn begin(&self, agent: &str, more: Value) -> String {
        let mut body = json!({ "input": { "text": "hello" }, "wait_ms": 0 });
        json_patch::merge(&mut body, &more);
        let answer = self.owner.post(&format!("{agent}/execute"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("location").expect("a place").to_owned()
    }

    /// The run, once it has ended.
    async fn ended(&self, run: &str) -> Value {
        crate::support::events::Events::get(&self.owner, &format!("{run}/events")).await.rest().await;
        self.owner.get(run).await.expect(200)
    }
}

fn ok() -> Vec<Step> {
    json_answer(&json!({ "ok": true }))
}
