//! Checks without saving, probes, and the health they leave.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{made, native, native_with, published};
use crate::support::Appliance;
use crate::support::peer::{Peer, Received, answer, json as says};

#[tokio::test]
async fn a_check_says_everything_at_once_and_saves_nothing() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let check = async |agent: Value| builder.post("/api/agents/validate", agent).await.expect(200);
    let good = check(native("A")).await;
    assert_eq!((&good["valid"], &good["probe"]["ok"]), (&json!(true), &json!(true)), "{good}");
    assert_eq!(builder.get("/api/agents").await.expect(200)["items"], json!([]));

    made(&builder, native("A")).await;
    let change = json!({
        "tags": [""], "slug": "new", "config": { "model": 7 }, "output_schema": { "type": 1 },
        "execution": { "timeout_ms": 0, "fallback_agent_id": "agt_00000000000000000000000001" },
        "credential_ids": ["cre_00000000000000000000000001"],
    });
    let bad = check(native_with("A", &change)).await;
    assert_eq!((&bad["valid"], &bad["probe"]), (&json!(false), &Value::Null));
    let found = bad["validation_errors"].as_array().expect("a list");
    for path in [
        "/tags/0",
        "/slug",
        "/config/model",
        "/output_schema",
        "/execution/timeout_ms",
        "/name",
        "/execution/fallback_agent_id",
        "/credential_ids/0",
    ] {
        assert!(found.iter().any(|it| it["path"] == path), "{path} in {bad}");
    }
    let odd = check(native_with("B", &json!({ "agent_type": "magic" }))).await;
    assert_eq!(odd["validation_errors"][0]["path"], "/agent_type");
}

#[tokio::test]
async fn a_test_leaves_health_behind() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = made(&builder, native("A")).await;
    let health = format!("{path}/health");
    let before = builder.get(&health).await.expect(200);
    assert_eq!((&before["health"], &before["checks"]), (&json!("unknown"), &json!([])));
    let probe = builder.post(&format!("{path}/test"), json!({})).await.expect(200);
    assert_eq!(probe["ok"], true, "{probe}");
    assert!(probe["latency_ms"].is_u64() && !probe["checks"].as_array().expect("checks").is_empty());
    let after = builder.get(&health).await.expect(200);
    assert_eq!((&after["health"], &after["checks"][0]["version"]), (&json!("healthy"), &json!("1.0.0")));
    assert_eq!(after["checks"][0]["probe"], probe);
    assert_eq!(builder.get(&path).await.expect(200)["health"], "healthy");
    for _ in 0..25 {
        builder.post(&format!("{path}/test"), json!({ "version": "draft" })).await.expect(200);
    }
    assert_eq!(builder.get(&health).await.expect(200)["checks"].as_array().expect("checks").len(), 20);
    let none = builder.post(&format!("{path}/test"), json!({ "version": "current" })).await;
    none.expect_error(404, "NotFound");
    let odd = builder.post(&format!("{path}/test"), json!({ "version": "odd" })).await;
    odd.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn input_and_output_are_held_against_their_schemas() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let schema =
        json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } });
    let path = super::published(&builder, native_with("A", &json!({ "input_schema": schema }))).await;
    let run = async |input: Value| builder.post(&format!("{path}/execute"), json!({ "input": input })).await;
    run(json!({ "text": "hello" })).await.expect(200);
    let error = run(json!({ "text": 7 })).await.expect_error(422, "InvalidInput");
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/input/text");
    run(json!("hello")).await.expect_error(422, "InvalidInput");
    builder.patch(&path, json!({ "input_schema": null })).await.expect(200);
    run(json!("hello")).await.expect_error(422, "InvalidInput");
    builder.post(&format!("{path}/versions/draft/publish"), json!({})).await.expect(200);
    run(json!("hello")).await.expect(200);
}

#[tokio::test]
async fn a_draft_runs_only_for_those_who_work_on_it() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let operator = appliance.caller(Role::Operator).await;
    let path = made(&builder, native_with("A", &json!({ "visibility": "organization" }))).await;
    let execute = format!("{path}/execute");
    let draft = json!({ "input": "x", "version": "draft" });
    builder.post(&execute, json!({ "input": "x" })).await.expect_error(409, "VersionConflict");
    builder.post(&execute, draft.clone()).await.expect(200);
    operator.post(&execute, draft.clone()).await.expect_error(403, "InsufficientPermissions");
    let numbered = json!({ "input": "x", "version": "1.0.0" });
    operator.post(&execute, numbered).await.expect_error(403, "InsufficientPermissions");
    builder.post(&format!("{path}/versions/draft/publish"), json!({})).await.expect(200);
    operator.post(&execute, json!({ "input": "x" })).await.expect(200);
    builder.post(&execute, draft).await.expect_error(404, "NotFound");
    builder.post(&execute, json!({ "input": "x", "version": "9.0.0" })).await.expect_error(404, "NotFound");
    builder.post(&format!("{path}/archive"), json!({})).await.expect(200);
    operator.post(&execute, json!({ "input": "x" })).await.expect_error(409, "VersionConflict");
}

#[tokio::test]
async fn a_far_end_that_cannot_be_reached_is_unhealthy() {
    let far = Peer::answering(answer(200, &[], "ok")).await;
    let allow = vec![far.address.to_string()];
    let appliance = Appliance::start_with(|it| it.egress.allow = allow, Vec::new()).await;
    let builder = appliance.caller(Role::Builder).await;
    let agent = |name: &str, url: &str| json!({ "name": name, "agent_type": "webhook", "config": { "url": url, "health_url": url } });
    let path = made(&builder, agent("A", &far.url("/health"))).await;
    let probe = builder.post(&format!("{path}/test"), json!({})).await.expect(200);
    assert_eq!(probe["ok"], true, "{probe}");
    let refused = made(&builder, agent("B", "http://127.0.0.1:1/")).await;
    let before = far.connections();
    let probe = builder.post(&format!("{refused}/test"), json!({})).await.expect(200);
    assert_eq!(probe["ok"], false, "{probe}");
    assert_eq!(builder.get(&refused).await.expect(200)["health"], "unhealthy");
    let unhealthy = builder.get("/api/agents?health=unhealthy").await.expect(200);
    assert_eq!(unhealthy["items"][0]["name"], "B");
    let checked = builder.post("/api/agents/validate", agent("C", "http://127.0.0.1:1/")).await.expect(200);
    assert_eq!((&checked["valid"], &checked["probe"]["ok"]), (&json!(true), &json!(false)), "{checked}");
    assert_eq!(far.connections(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_runs_end_is_health_too() {
    let script = |_: &Received, n: usize| if n < 3 { answer(400, &[], "no") } else { says(&json!({})) };
    let far = Peer::start(script).await;
    let allow = vec![far.address.to_string()];
    let appliance = Appliance::start_with(|it| it.egress.allow = allow, Vec::new()).await;
    let owner = appliance.owner().await;
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": far.url("/in") } });
    let path = published(&owner, agent).await;
    let run = async || owner.post(&format!("{path}/execute"), json!({ "input": {} })).await.status;
    let health = async || owner.get(&format!("{path}/health")).await.expect(200);
    assert_eq!(run().await, 502);
    assert_eq!(health().await["health"], "degraded", "one is not many");
    assert_eq!((run().await, run().await), (502, 502));
    let unwell = health().await;
    assert_eq!(unwell["health"], "unhealthy");
    assert_eq!(unwell["recent_runs"], json!({ "executions": 3, "completed": 0, "failed": 3 }));
    assert_eq!(owner.get(&path).await.expect(200)["health"], "unhealthy");
    let found = owner.get("/api/agents?health=unhealthy").await.expect(200);
    assert_eq!(found["items"][0]["name"], "A");
    assert_eq!(owner.get("/api/agents?health=unknown").await.expect(200)["items"], json!([]));
    for _ in 0..3 {
        assert_eq!(run().await, 200);
    }
    assert_eq!(health().await["health"], "degraded", "half of them failed");
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let page = visitor.page(&path.replace("/api", "")).await;
    assert!(page.contains("Of 6 runs in the last hour, 3 failed."), "{page}");
    let checked = owner.post(&format!("{path}/test"), json!({})).await.expect(200);
    let expected = if checked["ok"] == true { "healthy" } else { "unhealthy" };
    assert_eq!(health().await["health"], expected, "a check knows better than the runs before it");
}
