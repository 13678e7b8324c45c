//! What others hear of budgets.

use serde_json::{Value, json};

use super::{Bench, DOLLAR, completion};
use crate::support::peer::{Received, answer};
use crate::support::until;

/// A model, and somebody who hears of budgets at `/hook`.
async fn told() -> Bench {
    let bench =
        Bench::with(
            |request: &Received, _| {
                if request.line().contains("/hook") { answer(204, &[], "") } else { completion(100) }
            },
        )
        .await;
    let new = json!({
        "name": "Desk", "url": bench.peer.url("/hook"), "events": ["budget.threshold", "budget.exhausted"],
    });
    bench.owner.post("/api/webhooks", new).await.expect(201);
    bench
}

impl Bench {
    /// Type, percent of what `/hook` has heard, once it was so many.
    async fn heard(&self, count: usize) -> Vec<(String, u64)> {
        let heard = || {
            let mut all = self.peer.received();
            all.retain(|it| it.line().contains("/hook"));
            all
        };
        until("so many notices", async || heard().len() >= count).await;
        let of = |it: Value| {
            let kind = it["type"].as_str().expect("a type").to_owned();
            (kind, it["data"]["percent"].as_u64().expect("per cent"))
        };
        let mut found: Vec<_> = heard().iter().map(|it| of(it.json())).collect();
        found.sort_by_key(|it| (it.1, it.0.clone()));
        found
    }
}

#[tokio::test]
async fn each_share_of_a_limit_is_told_once() {
    let bench = told().await;
    let agent = bench.agent("Model").await;
    bench.budget(json!({})).await;
    let execute = format!("{agent}/execute");
    for _ in 0..10 {
        bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    }
    for _ in 0..3 {
        bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429);
    }
    let told = bench.heard(4).await;
    let expected = [
        ("budget.threshold", 50),
        ("budget.threshold", 80),
        ("budget.exhausted", 100),
        ("budget.threshold", 100),
    ];
    assert_eq!(told, expected.map(|(kind, percent)| (kind.to_owned(), percent)));
    let first = bench.peer.received().into_iter().find(|it| it.line().contains("/hook")).expect("one");
    let data = first.json()["data"].clone();
    assert_eq!((&data["name"], &data["limit_micros"]), (&json!("All"), &json!(10 * DOLLAR)));
    assert_eq!(data["currency"], "USD");
}

#[tokio::test]
async fn a_budget_that_only_warns_tells_and_lets_calls_go_on() {
    let bench = told().await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({ "action": "warn", "limit_micros": DOLLAR })).await;
    for _ in 0..3 {
        bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    }
    assert_eq!(bench.heard(1).await, [("budget.threshold".to_owned(), 100)]);
    assert_eq!(bench.standing(&budget).await["percent"], 300);
}
