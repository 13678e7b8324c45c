//! Schedules that run a chain.

use reeve::access::Role;
use serde_json::{Value, json};

use super::Bench;

impl Bench {
    /// A chain that asks the agent twice; answers its id.
    async fn chain(&self, name: &str) -> String {
        let steps =
            json!([{ "id": "first", "agent_id": self.agent }, { "id": "second", "agent_id": self.agent }]);
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let new =
            json!({ "name": name, "steps": steps, "input_schema": schema, "visibility": "organization" });
        let made = self.http.post("/api/chains", new).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn of_chain(&self, chain: &str, more: Value) -> String {
        let mut body = json!({ "agent_id": null, "workflow_id": chain });
        json_patch::merge(&mut body, &more);
        self.schedule("0 * * * *", body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_runs_the_chain() {
    let bench = Bench::new().await;
    let chain = bench.chain("Relay").await;
    let schedule = bench.of_chain(&chain, json!({})).await;
    let made = bench.http.get(&schedule).await.expect(200);
    assert_eq!((&made["workflow_id"], &made["agent_id"]), (&json!(chain), &Value::Null));
    bench.pass(3_600);
    let tick = bench.history(&schedule, |it| it.len() == 1 && !it[0]["status"].is_null()).await.remove(0);
    assert_eq!((&tick["outcome"], &tick["status"]), (&json!("fired"), &json!("completed")));
    let run = tick["execution_id"].as_str().expect("a run");
    let run = bench.http.get(&format!("/api/executions/{run}")).await.expect(200);
    assert_eq!((&run["workflow_id"], &run["trigger"]["kind"]), (&json!(chain), &json!("schedule")));
    assert_eq!(run["input"], json!({ "n": 1 }));
    assert_eq!(bench.peer.received().len(), 2, "both of its steps");
    let now = bench.http.post(&format!("{schedule}/run"), json!({ "input": { "n": 7 } })).await.expect(202);
    assert_eq!((&now["workflow_id"], &now["input"]["n"]), (&json!(chain), &json!(7)));
    bench
        .http
        .post(&format!("{schedule}/run"), json!({ "input": { "n": "x" } }))
        .await
        .expect_error(422, "InvalidInput");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_beside_a_run_of_a_chain_keep_to_the_policy() {
    let bench = Bench::gated().await;
    let chain = bench.chain("Relay").await;
    let skips = bench.of_chain(&chain, json!({ "overlap": "skip" })).await;
    let waits = bench.of_chain(&chain, json!({ "overlap": "queue" })).await;
    bench.pass(3_600);
    bench.history(&skips, |it| it.len() == 1).await;
    bench.history(&waits, |it| it.len() == 1).await;
    bench.pass(3_600);
    bench.history(&waits, |it| it.len() == 2 && it[0]["outcome"] == "queued").await;
    bench.gate.add_permits(100);
    assert_eq!(bench.told(&skips, 2).await, ["09:00 fired", "10:00 skipped overlap"]);
    assert_eq!(bench.told(&waits, 2).await, ["09:00 fired", "10:00 fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_runs_one_thing_that_takes_its_input() {
    let bench = Bench::new().await;
    let chain = bench.chain("Relay").await;
    let refused = async |change: Value, status: u16, path: Option<&str>| {
        let error = bench.http.post("/api/schedules", bench.body("0 * * * *", change)).await.expect(status);
        if let Some(path) = path {
            assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], path, "{error}");
        }
    };
    refused(json!({ "workflow_id": chain }), 422, Some("/workflow_id")).await;
    refused(json!({ "agent_id": null }), 422, Some("/agent_id")).await;
    refused(json!({ "agent_id": null, "workflow_id": chain, "input": { "n": "x" } }), 422, Some("/input/n"))
        .await;
    refused(json!({ "agent_id": null, "workflow_id": "nowhere" }), 404, None).await;
    // From an agent to a chain, and back, by the same schedule.
    let schedule = bench.schedule("0 * * * *", json!({})).await;
    let led = bench.body("0 * * * *", json!({ "agent_id": null, "workflow_id": "relay" }));
    let led = bench.http.put(&schedule, led).await.expect(200);
    assert_eq!((&led["workflow_id"], &led["agent_id"]), (&json!(chain), &Value::Null));
    let of_chain = bench.http.get(&format!("/api/schedules?workflow_id={chain}")).await.expect(200);
    assert_eq!(of_chain["items"].as_array().expect("items").len(), 1);
    let of_agent = bench.http.get(&format!("/api/schedules?agent_id={}", bench.agent)).await.expect(200);
    assert_eq!(of_agent["items"], json!([]));
    let audit = bench.http.get("/api/audit?action=schedule.update").await.expect(200);
    assert!(audit["items"][0]["details"].to_string().contains("workflow_id"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_run_a_chain_may_not_schedule_it() {
    let bench = Bench::new().await;
    let chain = bench.chain("Relay").await;
    // The chain is everybody's, and its agent is not.
    let builder = bench.appliance.caller(Role::Builder).await;
    let new = bench.body("0 * * * *", json!({ "agent_id": null, "workflow_id": chain }));
    builder.post("/api/schedules", new).await.expect_error(404, "AgentNotFound");
    let steps = json!([{ "id": "only", "agent_id": bench.agent }]);
    let secret = json!({ "name": "Own", "steps": steps });
    let secret = bench.http.post("/api/chains", secret).await.expect(201);
    let schedule = bench.of_chain(secret["id"].as_str().expect("an id"), json!({ "name": "Own" })).await;
    builder.get(&schedule).await.expect_error(404, "NotFound");
    assert_eq!(builder.get("/api/schedules").await.expect(200)["items"], json!([]));
    builder.post(&format!("{schedule}/run"), json!({})).await.expect_error(404, "NotFound");
    builder.delete(&schedule).await.expect_error(404, "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_schedules_run_is_not_deleted_under_them() {
    let bench = Bench::new().await;
    let chain = bench.chain("Relay").await;
    let schedule = bench.of_chain(&chain, json!({ "name": "Morning relay" })).await;
    let path = format!("/api/chains/{chain}");
    let error = bench.http.delete(&path).await.expect_error(409, "Conflict");
    assert_eq!(error["error"]["message"], "schedules run this chain: Morning relay");
    bench.http.delete(&schedule).await.expect(204);
    bench.http.delete(&path).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_of_a_chain_whose_agent_is_switched_off_says_so() {
    let bench = Bench::new().await;
    let chain = bench.chain("Relay").await;
    let schedule = bench.of_chain(&chain, json!({})).await;
    bench.http.post(&format!("/api/agents/{}/disable", bench.agent), json!({})).await.expect(200);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 1).await, ["09:00 skipped refused"]);
    let tick = bench.history(&schedule, |it| it.len() == 1).await.remove(0);
    assert!(
        tick["message"].as_str().expect("why").contains("an agent that this chain asks cannot run"),
        "{tick}"
    );
    bench.http.post(&format!("/api/agents/{}/enable", bench.agent), json!({})).await.expect(200);
    bench.pass(3_600);
    assert_eq!(bench.told(&schedule, 2).await[1], "10:00 fired");
}
