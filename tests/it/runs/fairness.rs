//! Many organizations at once: each gets its turn, however much one of them asks for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Bench;
use crate::agents::published;
use crate::support::people::Caller;

/// Someone with an agent, in an organization of its own.
struct Party {
    name: String,
    caller: Caller,
    agent: String,
}

impl Party {
    async fn new(bench: &Bench, name: String) -> Self {
        let caller = bench.appliance.stranger().await;
        let agent = published(&caller, bench.webhook("A", &json!({}))).await;
        Self { name, caller, agent }
    }

    async fn begin(&self) {
        let body = json!({ "input": { "text": self.name }, "wait_ms": 0 });
        self.caller.post(&format!("{}/execute", self.agent), body).await.expect(202);
    }
}

/// Of the runs that have begun, in order.
fn begun(bench: &Bench) -> Vec<Value> {
    bench.peer.received().iter().map(|it| it.json()["text"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_organization_that_waits_has_its_turn_before_one_has_its_second() {
    const OTHERS: usize = 5;
    const EACH: usize = 3;
    let (bench, gate) = Bench::gated(|it| it.engine.max_running = 1).await;
    let flood = bench.agent("A", json!({})).await;
    let mut others = Vec::new();
    for nth in 0..OTHERS {
        others.push(Party::new(&bench, format!("organization {nth}")).await);
    }
    bench.begin(&flood, json!({ "input": { "text": "first" } })).await;
    bench.peer.has_received(1).await;
    for _ in 0..60 {
        bench.begin(&flood, json!({ "input": { "text": "flood" } })).await;
    }
    for party in &others {
        for _ in 0..EACH {
            party.begin().await;
        }
    }
    gate.add_permits(100);
    bench.peer.has_received(1 + 60 + OTHERS * EACH).await;
    let order = begun(&bench);
    for (round, starts) in order[1..].chunks(OTHERS + 1).take(EACH).enumerate() {
        let different: BTreeSet<String> = starts.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), OTHERS + 1, "round {round} of {order:?}");
    }
    let rest = &order[1 + EACH * (OTHERS + 1)..];
    assert!(rest.iter().all(|it| it == "flood"), "{order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_that_fills_the_server_leaves_room_for_the_share_of_others() {
    let (bench, gate) = Bench::gated(|it| {
        it.engine.max_running = 1;
        it.engine.max_queued = 12;
    })
    .await;
    let flood = bench.agent("A", json!({})).await;
    let other = Party::new(&bench, "other".to_owned()).await;
    bench.begin(&flood, json!({})).await;
    bench.peer.has_received(1).await;
    for _ in 0..12 {
        bench.begin(&flood, json!({})).await;
    }
    let body = json!({ "input": {}, "wait_ms": 0 });
    let refused = bench.owner.post(&format!("{flood}/execute"), body.clone()).await;
    let error = refused.expect_error(429, "ResourceExhausted");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(error["error"]["details"]["resource_usage"]["limit"], 12);
    for _ in 0..6 {
        other.begin().await;
    }
    let refused = other.caller.post(&format!("{}/execute", other.agent), body.clone()).await;
    let error = refused.expect_error(429, "ResourceExhausted");
    let usage = json!({ "resource": "queued_runs", "used": 6, "limit": 6 });
    assert_eq!(error["error"]["details"]["resource_usage"], usage, "half of what the server holds");
    bench.owner.post(&format!("{flood}/execute"), body).await.expect_error(429, "ResourceExhausted");
    gate.add_permits(30);
    bench.peer.has_received(19).await;
}
