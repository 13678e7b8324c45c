//! Steps that fail: attempts, other agents, other ways, limits, cancels.

use serde_json::{Value, json};

use super::{Bench, chain, names, said, told};
use crate::support::events::Events;
use crate::support::peer::{Received, Step, answer, json as json_answer};

/// A far end of which `/b` always fails.
async fn bench_without_b() -> Bench {
    let bench = Bench::with(|it, _| if names(it, "b") { answer(500, &[], "broken") } else { said(it) }).await;
    bench.three().await;
    bench
}

fn steps(second: Value) -> Value {
    let mut two = json!({ "id": "two", "agent_id": "b" });
    json_patch::merge(&mut two, &second);
    json!([{ "id": "one", "agent_id": "a" }, two, { "id": "three", "agent_id": "c" }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_ends_the_run_and_is_named() {
    let bench = bench_without_b().await;
    let path = bench.chain(chain("Fails", steps(json!({})))).await;
    let error = bench.run(&path, json!({})).await.expect_error(502, "ChainExecutionFailed");
    let details = &error["error"]["details"];
    assert_eq!((&details["step"], &details["step_index"]), (&json!("two"), &json!(1)));
    assert_eq!((&details["step_code"], &details["step_attempts"]), (&json!("ExecutionFailed"), &json!(1)));
    assert!(error["error"]["message"].as_str().expect("text").contains("step “two”"), "{error}");
    assert_eq!(bench.asked(), ["/a", "/b"]);
    let run =
        bench.owner.get(&format!("/api/executions/{}", details["execution_id"].as_str().expect("id"))).await;
    let run = run.expect(200);
    assert_eq!((&run["status"], &run["usage"]["api_calls"]), (&json!("failed"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_without_a_step_that_may_fail() {
    let bench = bench_without_b().await;
    let goes_on = json!({ "status": "{{ steps.two.status }}", "code": "{{ steps.two.error.code }}", "was": "{{ previous.from }}" });
    let mut all = steps(json!({ "on_error": "continue" }));
    all[2]["input_mapping"] = goes_on;
    let path = bench.chain(chain("Continues", all.clone())).await;
    let run = bench.run(&path, json!({})).await.expect(200);
    let expected = json!({ "status": "failed", "code": "ExecutionFailed", "was": "a" });
    assert_eq!(run["output"]["got"], expected);
    all[1]["on_error"] = json!(null);
    let mut whole = chain("Continues too", all);
    whole["error_handling"] = json!("continue");
    let path = bench.chain(whole).await;
    assert_eq!(bench.run(&path, json!({})).await.expect(200)["output"]["got"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_jumps_to_a_later_step() {
    let bench = bench_without_b().await;
    bench.agent("d").await;
    let mut all = steps(json!({ "on_error": { "goto": "four" } }));
    let four =
        json!({ "id": "four", "agent_id": "d", "input_mapping": { "three": "{{ steps.three.status }}" } });
    all.as_array_mut().expect("steps").push(four);
    let path = bench.chain(chain("Jumps", all)).await;
    let run = bench.begin(&path, json!({})).await;
    let (ended, events) = bench.ended(&run).await;
    assert_eq!(ended["output"], json!({ "from": "d", "got": { "three": "skipped" } }));
    assert_eq!(bench.asked(), ["/a", "/b", "/d"]);
    let failed = events.iter().find(|it| it.kind == "step.failed").expect("it is told");
    assert_eq!((&failed.data["then"], &failed.data["goto"]), (&json!("goto"), &json!("four")));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_stands_in_under_a_key_of_its_own() {
    let bench = bench_without_b().await;
    let stand_in = bench.agent("d").await;
    let fallback =
        json!({ "on_error": { "fallback": { "agent_id": stand_in } }, "input_mapping": { "n": 1 } });
    let path = bench.chain(chain("Stands in", steps(fallback))).await;
    let run = bench.run(&path, json!({})).await.expect(200);
    assert_eq!(run["output"]["got"], json!({ "from": "d", "got": { "n": 1 } }));
    assert_eq!(bench.asked(), ["/a", "/b", "/d", "/c"]);
    let id = run["id"].as_str().expect("an id");
    assert_eq!(bench.keys()[1..3], [format!("{id}.two.1"), format!("{id}.two.2")]);
    for (agent, executions, failed) in [("b", 1, 1), ("d", 1, 0)] {
        let metrics = bench.owner.get(&format!("/api/agents/{agent}/metrics")).await.expect(200);
        assert_eq!(metrics["total"]["executions"], executions, "{agent}: {metrics}");
        assert_eq!(metrics["total"]["failed"], failed, "{agent}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_tried_again_under_one_key_and_nothing_before_it_is() {
    let bench =
        Bench::with(|it, n| if names(it, "b") && n < 3 { answer(503, &[], "later") } else { said(it) }).await;
    bench.three().await;
    let retry = json!({ "retry": { "max_attempts": 3, "backoff_ms": 20, "max_backoff_ms": 40 } });
    let path = bench.chain(chain("Tries again", steps(retry))).await;
    let run = bench.begin(&path, json!({})).await;
    let (ended, events) = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(1)));
    assert_eq!(ended["usage"]["api_calls"], 5);
    assert_eq!(bench.asked(), ["/a", "/b", "/b", "/b", "/c"]);
    let keys = bench.keys();
    assert!(keys[1] == keys[2] && keys[2] == keys[3], "{keys:?}");
    let attempts: Vec<_> = events
        .iter()
        .filter(|it| it.kind == "step.started" && it.data["step"] == "two")
        .map(|it| it.data["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
    let completed = events.iter().find(|it| it.kind == "step.completed" && it.data["step"] == "two");
    assert_eq!(completed.expect("one").data["usage"]["api_calls"], 3, "all attempts count");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_no_worker_and_survives_a_restart() {
    let script = |it: &Received, n: usize| {
        if names(it, "b") && n < 2 { answer(503, &[("Retry-After", "1")], "later") } else { said(it) }
    };
    let bench = Bench::with(script).await;
    bench.three().await;
    let path = bench.chain(chain("Rests", steps(json!({})))).await;
    let run = bench.begin(&path, json!({})).await;
    let engine = bench.appliance.inner.services.engine.clone();
    while engine.stats().paused == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(engine.stats().running, 0);
    drop(engine);
    let bench = bench.restart().await;
    let (ended, events) = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["usage"]["api_calls"]), (&json!("completed"), &json!(4)));
    assert_eq!(bench.asked(), ["/a", "/b", "/b", "/c"]);
    assert_eq!(told(&events).iter().filter(|it| *it == "step.completed one").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resting_run_that_is_cancelled_after_a_restart_counts_what_it_used() {
    let script = |it: &Received, _: usize| {
        if names(it, "b") { answer(503, &[("Retry-After", "60")], "later") } else { said(it) }
    };
    let bench = Bench::with(script).await;
    bench.three().await;
    let path = bench.chain(chain("Rests long", steps(json!({})))).await;
    let mut whole = bench.owner.get(&path).await.expect(200);
    for field in ["id", "slug", "revision", "owner_id", "created_at", "updated_at"] {
        whole.as_object_mut().expect("an object").remove(field);
    }
    let run = bench.begin(&path, json!({})).await;
    let paused = async |bench: &Bench| {
        while bench.appliance.inner.services.engine.stats().paused == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    paused(&bench).await;
    let bench = bench.restart().await;
    paused(&bench).await;
    let cancelled = bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["usage"]["api_calls"]), (&json!("cancelled"), &json!(2)));
    let metrics = bench.owner.get("/api/agents/b/metrics").await.expect(200);
    assert_eq!(metrics["total"]["executions"], 1, "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_run_once_is_asked_once() {
    let bench = Bench::with(|it, _| if names(it, "b") { answer(503, &[], "later") } else { said(it) }).await;
    bench.agent("a").await;
    bench.agent_with("b", json!({ "execution": { "delivery": "at_most_once" } })).await;
    bench.agent("c").await;
    let path = bench.chain(chain("Once", steps(json!({ "retry": { "max_attempts": 5 } })))).await;
    bench.run(&path, json!({})).await.expect_error(502, "ChainExecutionFailed");
    assert_eq!(bench.asked(), ["/a", "/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_has_a_time_limit_of_its_own() {
    let bench = Bench::with(|it, _| if names(it, "b") { vec![Step::Hang] } else { said(it) }).await;
    bench.three().await;
    let limited = json!({ "timeout_ms": 60, "retry": { "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1 }, "on_error": "continue" });
    let mut all = steps(limited);
    all[2]["input_mapping"] = json!("steps.two.error.code");
    let path = bench.chain(chain("Limited", all)).await;
    let run = bench.run(&path, json!({})).await.expect(200);
    assert_eq!(run["output"]["got"], "ExecutionTimeout");
    assert_eq!(bench.asked(), ["/a", "/b", "/b", "/c"]);
    bench.peer.left_alone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_the_run_reaches_the_step_at_work() {
    let bench = Bench::with(|it, _| if names(it, "b") { vec![Step::Hang] } else { said(it) }).await;
    bench.three().await;
    let mut whole = chain("Short", steps(json!({})));
    whole["timeout_ms"] = json!(150);
    let path = bench.chain(whole).await;
    bench.run(&path, json!({})).await.expect_error(504, "ExecutionTimeout");
    bench.peer.left_alone().await;
    let metrics = bench.owner.get("/api/agents/b/metrics").await.expect(200);
    assert_eq!(metrics["total"]["executions"], 1, "the step that was cut off counts: {metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_reaches_the_step_at_work() {
    let bench = Bench::with(|it, _| if names(it, "b") { vec![Step::Hang] } else { said(it) }).await;
    bench.three().await;
    let path = bench.chain(chain("Cancelled", steps(json!({})))).await;
    let run = bench.begin(&path, json!({})).await;
    bench.peer.has_received(2).await;
    let cancelled = bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    bench.peer.left_alone().await;
    let events = Events::get(&bench.owner, &format!("{run}/events")).await.rest().await;
    assert_eq!(told(&events), ["step.started one", "step.completed one", "step.started two"]);
    assert_eq!(bench.asked(), ["/a", "/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_does_not_work_on_the_data_fails_its_step() {
    let bench = Bench::new().await;
    bench.three().await;
    let path =
        bench.chain(chain("Unmapped", steps(json!({ "input_mapping": "mul(previous.from, 2)" })))).await;
    let error = bench.run(&path, json!({})).await.expect_error(502, "ChainExecutionFailed");
    let details = &error["error"]["details"];
    assert_eq!(
        (&details["step_code"], &details["step_details"]["field"]),
        (&json!("InvalidInput"), &json!("input_mapping"))
    );
    assert_eq!(bench.asked(), ["/a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_yields_has_a_limit() {
    let big = json!({ "text": "x".repeat(3_000) });
    let script = move |it: &Received, _: usize| if names(it, "b") { json_answer(&big) } else { said(it) };
    let bench = Bench::set(|it| it.limits.output_bytes = 2_000, script).await;
    bench.three().await;
    let path = bench.chain(chain("Big", steps(json!({})))).await;
    let error = bench.run(&path, json!({})).await.expect_error(502, "ChainExecutionFailed");
    assert_eq!(error["error"]["details"]["step_code"], "InvalidOutput");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_a_steps_agent_does_not_take_fails_the_step_before_it_is_asked() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    bench.agent_with("b", json!({ "input_schema": { "type": "object", "required": ["text"] } })).await;
    bench.agent("c").await;
    let path = bench.chain(chain("Unfit", steps(json!({ "input_mapping": "previous" })))).await;
    let error = bench.run(&path, json!({})).await.expect_error(502, "ChainExecutionFailed");
    assert_eq!(error["error"]["details"]["step_code"], "InvalidInput");
    assert_eq!(bench.asked(), ["/a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_waits_for_the_rate_of_its_agent() {
    let bench = Bench::new().await;
    bench.agent_with("a", json!({ "execution": { "rate_limit_per_minute": 60 } })).await;
    let path = bench.chain(chain("Paced", json!([{ "id": "one", "agent_id": "a" }]))).await;
    // More than may begin at once: those beyond rest, and none fails.
    let runs: Vec<String> = {
        let mut runs = Vec::new();
        for _ in 0..62 {
            runs.push(bench.begin(&path, json!({})).await);
        }
        runs
    };
    for run in &runs {
        assert_eq!(bench.ended(run).await.0["status"], "completed");
    }
    assert_eq!(bench.asked().len(), 62);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_an_agent_reaches_its_step_at_work_and_what_comes_instead_goes_on() {
    let bench = Bench::with(|it, _| if names(it, "b") { vec![Step::Hang] } else { said(it) }).await;
    bench.three().await;
    let mut all = steps(
        json!({ "retry": { "max_attempts": 3, "backoff_ms": 1, "max_backoff_ms": 1 }, "on_error": "continue" }),
    );
    all[2]["input_mapping"] = json!("steps.two.error.code");
    let path = bench.chain(chain("Stopped", all)).await;
    let run = bench.begin(&path, json!({})).await;
    bench.peer.has_received(2).await;
    bench.owner.post("/api/agents/b/stop", json!({ "reason": "it leaks" })).await.expect(200);
    let (ended, _) = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["output"]["got"]), (&json!("completed"), &json!("Stopped")));
    bench.run(&path, json!({})).await.expect_error(409, "Stopped");
    assert_eq!(bench.asked(), ["/a", "/b", "/c"], "a stopped agent is not asked again");
    bench.peer.left_alone().await;
}
