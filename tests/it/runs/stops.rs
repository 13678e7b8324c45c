//! The kill switch: nothing begins, what runs ends, and everyone is told who did it and why.

use reeve::access::Role;
use serde_json::{Value, json};

use super::Bench;

impl Bench {
    async fn stop(&self, place: &str, body: Value) -> Value {
        self.owner.post(&format!("{place}/stop"), body).await.expect(200)
    }

    async fn resume(&self, place: &str) {
        self.owner.post(&format!("{place}/resume"), json!({})).await.expect(200);
    }

    async fn status(&self, run: &str) -> Value {
        self.owner.get(run).await.expect(200)["status"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_agent_runs_nothing_and_says_who_stopped_it_and_why() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let other = bench.agent("B", json!({})).await;
    let running = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let queued = bench.begin(&agent, json!({})).await;
    let report = bench.stop(&agent, json!({ "reason": "it mails everyone" })).await;
    assert_eq!(report["cancelled"], 1);
    assert_eq!(bench.ended(&running).await["status"], "cancelled");
    assert_eq!(bench.status(&queued).await, "pending", "what was queued stays queued");

    let refused = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await;
    let error = refused.expect_error(409, "Stopped");
    let details = &error["error"]["details"];
    assert_eq!(details["reason"], "it mails everyone");
    assert_eq!(details["stopped_by"], bench.owner.id.to_string());
    assert!(details["stopped_at"].as_str().is_some_and(|it| it.ends_with('Z')));
    assert!(error["error"]["message"].as_str().is_some_and(|it| it.contains("it mails everyone")));
    bench.owner.post(&format!("{running}/retry"), json!({})).await.expect_error(409, "Stopped");
    assert_eq!(bench.owner.get(&agent).await.expect(200)["stopped"]["reason"], "it mails everyone");

    gate.add_permits(9);
    assert_eq!(bench.ended(&bench.begin(&other, json!({})).await).await["status"], "completed");
    bench.resume(&agent).await;
    assert_eq!(bench.ended(&queued).await["status"], "completed", "it begins when the stop is lifted");
    assert_eq!(bench.owner.get(&agent).await.expect(200)["stopped"], Value::Null);
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect(200);
    let log = bench.owner.get("/api/audit?limit=50").await.expect(200).to_string();
    assert!(log.contains("agent.stop") && log.contains("agent.resume"));
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_runs_are_cancelled_where_that_is_asked() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let runs = [bench.begin(&agent, json!({})).await, bench.begin(&agent, json!({})).await];
    bench.peer.has_received(1).await;
    let report = bench.stop(&agent, json!({ "reason": "no", "queued": "cancel" })).await;
    assert_eq!(report["cancelled"], 2);
    for run in &runs {
        assert_eq!(bench.ended(run).await["status"], "cancelled");
    }
    assert_eq!(bench.peer.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_organization_holds_across_a_restart_and_for_nobody_else() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let running = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let queued = bench.begin(&agent, json!({})).await;
    let builder = bench.appliance.caller(Role::Builder).await;
    builder
        .post("/api/org/stop", json!({ "reason": "no" }))
        .await
        .expect_error(403, "InsufficientPermissions");
    bench.stop("/api/org", json!({ "reason": "a leak" })).await;
    assert_eq!(bench.ended(&running).await["status"], "cancelled");
    let bench = bench.restart().await;
    gate.add_permits(9);
    let stranger = bench.appliance.stranger().await;
    let theirs = crate::agents::published(&stranger, bench.webhook("A", &json!({}))).await;
    stranger.post(&format!("{theirs}/execute"), json!({ "input": {} })).await.expect(200);
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect_error(409, "Stopped");
    assert_eq!(bench.status(&queued).await, "pending");
    assert_eq!(bench.owner.get("/api/org/stop").await.expect(200)["stopped"]["reason"], "a leak");
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    for page in ["/", "/agents"] {
        assert!(visitor.page(page).await.contains("a leak"), "{page}");
    }
    bench.resume("/api/org").await;
    assert_eq!(bench.ended(&queued).await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_needs_a_reason_and_the_right_to_change_the_agent() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let stop = format!("{agent}/stop");
    for body in [json!({}), json!({ "reason": " " }), json!({ "reason": "x", "queued": "drop" })] {
        bench.owner.post(&stop, body).await.expect_error(422, "ValidationFailed");
    }
    let operator = bench.appliance.caller(Role::Operator).await;
    operator.post(&stop, json!({ "reason": "no" })).await.expect_error(403, "InsufficientPermissions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_organization_refuses_batches_and_reaches_paused_runs() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let running = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let paused = bench.begin(&agent, json!({})).await;
    bench.owner.post(&format!("{paused}/pause"), json!({})).await.expect(200);
    let report = bench.stop("/api/org", json!({ "reason": "no", "queued": "cancel" })).await;
    assert_eq!(report["cancelled"], 2);
    for run in [&running, &paused] {
        assert_eq!(bench.ended(run).await["status"], "cancelled");
    }
    let batch = bench.owner.post(&format!("{agent}/execute/batch"), json!({ "inputs": [{}] })).await;
    batch.expect_error(409, "Stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_run_that_a_stop_ends_is_told_why_and_what_to_do() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let execute = format!("{agent}/execute");
    let waiting = bench.owner.post(&execute, json!({ "input": {} }));
    let stop = async {
        bench.peer.has_received(1).await;
        bench.stop(&agent, json!({ "reason": "it mails everyone" })).await
    };
    let (answer, _) = tokio::join!(waiting, stop);
    let error = answer.expect_error(409, "Stopped")["error"].clone();
    assert!(error["message"].as_str().is_some_and(|it| it.contains("it mails everyone")), "{error}");
    let details = &error["details"];
    assert_eq!(details["stopped_by"], bench.owner.id.to_string());
    let advice = details["suggested_actions"].to_string();
    assert!(advice.contains("/resume lifts the stop") && advice.contains("/retry"), "{advice}");
    let run = details["execution_id"].as_str().expect("the run");
    let run = bench.owner.get(&format!("/api/executions/{run}")).await.expect(200);
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("cancelled"), &json!("Stopped")), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stop_renews_the_first() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    for place in [agent.as_str(), "/api/org"] {
        bench.stop(place, json!({ "reason": "it mails everyone" })).await;
        let renewed = bench.stop(place, json!({ "reason": "the lawyers asked", "queued": "cancel" })).await;
        let stopped = &renewed["stopped"];
        assert_eq!((&stopped["reason"], &stopped["queued"]), (&json!("the lawyers asked"), &json!("cancel")));
    }
    assert_eq!(bench.owner.get(&agent).await.expect(200)["stopped"]["reason"], "the lawyers asked");
    let log = bench.owner.get("/api/audit?limit=50").await.expect(200).to_string();
    assert!(log.contains("it mails everyone"), "the first is in the audit");
}
