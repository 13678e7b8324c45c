//! Steps of chains reserve one by one.

use serde_json::json;

use super::{Bench, DOLLAR, figures, id_of};

#[tokio::test]
async fn a_chain_ends_at_the_step_that_does_not_fit() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let steps: Vec<_> =
        ["one", "two", "three"].map(|it| json!({ "id": it, "agent_id": id_of(&agent) })).into();
    let chain = bench.owner.post("/api/chains", json!({ "name": "Chain", "steps": steps })).await.expect(201);
    let budget = bench.budget(json!({ "limit_micros": 2 * DOLLAR })).await;
    let path = format!("/api/chains/{}/execute", chain["id"].as_str().expect("an id"));
    let error = bench.owner.post(&path, json!({ "input": "a" })).await.expect(502)["error"].clone();
    assert_eq!(error["code"], "ChainExecutionFailed", "{error}");
    assert_eq!(error["details"]["step"], "three");
    assert_eq!(error["details"]["step_code"], "ResourceExhausted");
    assert_eq!(figures(&bench.standing(&budget).await), (2 * DOLLAR, 0, 2));
    assert_eq!(bench.peer.received_count(), 2);
    // Nothing is left: the next run does not begin.
    bench.owner.post(&path, json!({ "input": "a" })).await.expect(429);
}

#[tokio::test]
async fn a_run_of_a_chain_has_one_count_for_all_its_steps() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let steps: Vec<_> = ["one", "two"].map(|it| json!({ "id": it, "agent_id": id_of(&agent) })).into();
    let chain = bench.owner.post("/api/chains", json!({ "name": "Chain", "steps": steps })).await.expect(201);
    let path = format!("/api/chains/{}/execute", chain["id"].as_str().expect("an id"));
    let cap = json!({ "name": "Cap", "scope": "run", "window": "run", "limit_micros": 2 * DOLLAR });
    let cap = bench.budget(cap).await;
    bench.owner.post(&path, json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&path, json!({ "input": "a" })).await.expect(200);
    let budget = format!("/api/budgets/{}", cap["id"].as_str().expect("an id"));
    bench.owner.put(&budget, json!({ "name": "Cap", "limit_micros": 2 * DOLLAR - 1 })).await.expect(200);
    let error = bench.owner.post(&path, json!({ "input": "a" })).await.expect(502);
    assert_eq!(error["error"]["details"]["step"], "two");
}
