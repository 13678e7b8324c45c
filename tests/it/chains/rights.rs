//! Who may see, run and change a chain.

use reeve::access::Role;
use serde_json::json;

use super::{Bench, chain};

#[tokio::test(flavor = "multi_thread")]
async fn a_private_chain_is_its_owners_and_the_admins() {
    let bench = Bench::new().await;
    bench.agent_with("a", json!({ "visibility": "organization" })).await;
    let builder = bench.appliance.caller(Role::Builder).await;
    let steps = json!([{ "id": "one", "agent_id": "a" }]);
    let made = builder.post("/api/chains", chain("Own", steps.clone())).await.expect(201);
    let path = format!("/api/chains/{}", made["id"].as_str().expect("an id"));
    let other = bench.appliance.caller(Role::Builder).await;
    let missing = other.get("/api/chains/wfl_00000000000000000000000009").await;
    let theirs = other.get(&path).await;
    assert_eq!((missing.status, theirs.status), (404, 404));
    other.post(&format!("{path}/execute"), json!({ "input": {} })).await.expect_error(404, "NotFound");
    assert_eq!(other.get("/api/chains").await.expect(200)["items"], json!([]));
    bench.owner.get(&path).await.expect(200);
    let run = builder.post(&format!("{path}/execute"), json!({ "input": {} })).await.expect(200);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    other.get(&run).await.expect_error(404, "NotFound");
    assert_eq!(other.get("/api/executions").await.expect(200)["items"], json!([]));

    let mut shared = chain("Own", steps);
    shared["visibility"] = json!("organization");
    builder.put(&path, shared.clone()).await.expect(200);
    other.get(&run).await.expect(200);
    other.post(&format!("{path}/execute"), json!({ "input": {} })).await.expect(200);
    other.put(&path, shared).await.expect_error(403, "InsufficientPermissions");
    other.delete(&path).await.expect_error(403, "InsufficientPermissions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_needs_the_right_to_every_agent_that_it_asks() {
    let bench = Bench::new().await;
    bench.agent_with("a", json!({ "visibility": "organization" })).await;
    bench.agent("b").await;
    let mut whole =
        chain("Mixed", json!([{ "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }]));
    whole["visibility"] = json!("organization");
    let path = bench.chain(whole.clone()).await;
    let operator = bench.appliance.caller(Role::Operator).await;
    operator.get(&path).await.expect(200);
    operator
        .post(&format!("{path}/execute"), json!({ "input": {} }))
        .await
        .expect_error(404, "AgentNotFound");
    assert_eq!(bench.asked().len(), 0);
    let builder = bench.appliance.caller(Role::Builder).await;
    whole["name"] = json!("Borrowed");
    let error = builder.post("/api/chains", whole).await.expect_error(422, "ValidationFailed");
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/steps/1/agent_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organization_finds_nothing() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    let path = bench.chain(chain("Ours", json!([{ "id": "one", "agent_id": "a" }]))).await;
    let run = bench.begin(&path, json!({})).await;
    let stranger = bench.appliance.stranger().await;
    stranger.get(&path).await.expect_error(404, "NotFound");
    stranger
        .put(&path, chain("Theirs", json!([{ "id": "one", "agent_id": "a" }])))
        .await
        .expect_error(404, "NotFound");
    stranger.delete(&path).await.expect_error(404, "NotFound");
    stranger.post(&format!("{path}/execute"), json!({ "input": {} })).await.expect_error(404, "NotFound");
    stranger.get(&format!("{path}/executions")).await.expect_error(404, "NotFound");
    stranger.get(&run).await.expect_error(404, "NotFound");
    let id = path.rsplit('/').next().expect("an id");
    stranger
        .post("/api/executions", json!({ "workflow_id": id, "input": {} }))
        .await
        .expect_error(404, "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_reaches_as_far_as_its_scopes() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    let path = bench.chain(chain("Keyed", json!([{ "id": "one", "agent_id": "a" }]))).await;
    let run = format!("{path}/execute");
    let all = ["workflows:read", "workflows:execute", "agents:read", "agents:execute"];
    let key = bench.owner.key(&all).await;
    key.post(&run, json!({ "input": {} })).await.expect(200);
    let without = bench.owner.key(&["workflows:read", "workflows:execute"]).await;
    without.post(&run, json!({ "input": {} })).await.expect_error(403, "AgentAccessDenied");
    let reads = bench.owner.key(&["workflows:read"]).await;
    reads.get(&path).await.expect(200);
    reads.post(&run, json!({ "input": {} })).await.expect_error(403, "AgentAccessDenied");
}
