//! Runs that are not accepted: the tick says why, and the schedule goes on.

use serde_json::json;

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_is_refused_says_why_and_the_next_one_runs() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 * * * *", json!({})).await;
    let agent = format!("/api/agents/{}", bench.agent);
    bench.http.post(&format!("{agent}/disable"), json!({})).await.expect(200);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 1).await, ["09:00 skipped refused"]);
    let tick = bench.http.get(&format!("{schedule}/history")).await.expect(200);
    assert_eq!(tick["items"][0]["message"], "VersionConflict: this agent is disabled");
    bench.http.post(&format!("{agent}/enable"), json!({})).await.expect(200);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 2).await, ["09:00 skipped refused", "10:00 fired"]);

    // A version that takes other input.
    let schema = json!({ "type": "object", "properties": { "n": { "type": "string" } } });
    bench.http.patch(&agent, json!({ "input_schema": schema })).await.expect(200);
    bench.http.post(&format!("{agent}/versions/1.0.1/publish"), json!({})).await.expect(200);
    bench.pass(3_600);
    let told = bench.told(&schedule, 3).await;
    assert_eq!(told[2], "11:00 skipped refused");
    let tick = bench.http.get(&format!("{schedule}/history")).await.expect(200);
    assert!(
        tick["items"][0]["message"].as_str().expect("says").starts_with("InvalidInput: input/n"),
        "{tick}"
    );

    bench.http.post(&format!("{agent}/archive"), json!({})).await.expect(200);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 4).await[3], "12:00 skipped refused");
    let view = bench.http.get(&schedule).await.expect(200);
    assert_eq!(
        (view["last_tick"]["reason"].as_str(), view["next_runs"][0].as_str()),
        (Some("refused"), Some("2027-01-15T13:00:00.000Z"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_costs_a_tick_and_not_the_schedule() {
    let bench = Bench::with(
        |it| {
            it.engine.max_queued_per_org = 1;
            it.engine.max_running_per_org = 1;
        },
        true,
    )
    .await;
    let schedule = bench.schedule("0 * * * *", json!({ "overlap": "allow" })).await;
    let run = json!({ "input": { "n": 1 }, "wait_ms": 0 });
    bench.http.post(&format!("/api/agents/{}/execute", bench.agent), run.clone()).await.expect(202);
    bench.peer.has_received(1).await;
    bench.http.post(&format!("/api/agents/{}/execute", bench.agent), run).await.expect(202);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 1).await, ["09:00 skipped refused"]);
    bench.gate.add_permits(3);
    let deadline = std::time::Instant::now() + super::PATIENCE;
    while bench.peer.received().len() < 2 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 2).await[1], "10:00 fired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_schedules_run_is_not_deleted_under_them() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 * * * *", json!({ "name": "Morning report" })).await;
    let agent = format!("/api/agents/{}", bench.agent);
    let error = bench.http.delete(&agent).await.expect_error(409, "Conflict");
    assert_eq!(error["error"]["message"], "schedules run this agent: Morning report");
    bench.http.delete(&schedule).await.expect(204);
    bench.http.delete(&agent).await.expect(204);
}
