//! What a run used: what nobody knows is unknown, and not zero.

use serde_json::{Value, json};

use super::{Bench, ok};
use crate::agents::{native, published};
use crate::support::peer::{Step, answer};
use crate::support::until;

const CUT_OFF: &str = "cut off";

/// A far end that hangs where it is asked to.
async fn bench() -> Bench {
    Bench::new(|request, _| if request.json()["text"] == CUT_OFF { vec![Step::Hang] } else { ok() }).await
}

impl Bench {
    async fn used(&self, agent: &str, input: Value) -> Value {
        let run = self.begin(agent, json!({ "input": input })).await;
        self.ended(&run).await["usage"].clone()
    }

    async fn totals(&self, path: &str) -> Value {
        self.owner.get(path).await.expect(200)["total"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_far_end_used_is_unknown_and_what_ran_here_is_measured() {
    let bench = bench().await;
    let hook = bench.agent("Hook", json!({})).await;
    let digest = published(&bench.owner, native("Digest")).await;
    let there = bench.used(&hook, json!({ "text": "hello" })).await;
    for unknown in ["cost_micros", "input_tokens", "output_tokens", "cpu_time_ms", "memory_peak_bytes"] {
        assert_eq!(there[unknown], Value::Null, "{unknown}: {there}");
    }
    assert_eq!((&there["unpriced_calls"], &there["uncounted_calls"]), (&json!(1), &json!(1)));
    let here = bench.used(&digest, json!({ "text": "Anna wrote a line. Berta read it." })).await;
    assert_eq!((&here["cost_micros"], &here["unpriced_calls"]), (&json!(0), &json!(0)), "{here}");
    assert!(here["input_tokens"].as_u64().is_some_and(|it| it > 0), "{here}");
    assert!(here["cpu_time_ms"].as_u64().is_some_and(|it| it > 0), "{here}");

    let total = bench.totals(&format!("{hook}/metrics")).await;
    assert_eq!((&total["cost_micros"], &total["unknown_cost_runs"]), (&Value::Null, &json!(1)), "{total}");
    assert_eq!((&total["input_tokens"], &total["unknown_token_runs"]), (&Value::Null, &json!(1)), "{total}");
    let total = bench.totals(&format!("{digest}/metrics")).await;
    assert_eq!((&total["cost_micros"], &total["unknown_cost_runs"]), (&json!(0), &json!(0)), "{total}");
    let total = bench.totals("/api/analytics/summary").await;
    assert_eq!((&total["cost_micros"], &total["unknown_cost_runs"]), (&json!(0), &json!(1)), "{total}");
    assert_eq!((&total["input_tokens"], &total["unknown_token_runs"]), (&here["input_tokens"], &json!(1)));

    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(hook.trim_start_matches("/api")).await;
    assert!(page.contains("Unknown") && page.contains("1 run of unknown cost"), "{page}");
    assert!(visitor.page("/").await.contains("and 1 run of unknown cost"));
    let run = bench.begin(&hook, json!({})).await;
    bench.ended(&run).await;
    let page = visitor.page(run.trim_start_matches("/api")).await;
    assert!(
        page.contains("nobody has said a price") && page.contains("the agent does not count them"),
        "{page}"
    );
    assert!(!page.contains("$0.00"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_used_that_was_cut_off_is_unknown() {
    let bench = bench().await;
    let hook = bench.agent("Hook", json!({ "timeout_ms": 300, "retry": { "max_attempts": 1 } })).await;
    let usage = bench.used(&hook, json!({ "text": CUT_OFF })).await;
    assert_eq!((&usage["cost_micros"], &usage["unpriced_calls"]), (&Value::Null, &json!(1)), "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_before_a_restart_counts_once() {
    let bench = Bench::new(|_, n| if n < 2 { answer(503, &[], "not yet") } else { ok() }).await;
    let retry = json!({ "max_attempts": 3, "backoff_ms": 2_000, "max_backoff_ms": 2_000 });
    let hook = bench.agent("Hook", json!({ "retry": retry })).await;
    let run = bench.begin(&hook, json!({})).await;
    until("the first attempt has failed", async || {
        bench.owner.get(&format!("{run}/logs")).await.text().contains("attempt 1 failed")
    })
    .await;
    let bench = bench.restart().await;
    let ended = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(3)), "{ended}");
    let usage = &ended["usage"];
    assert_eq!((&usage["api_calls"], &usage["unpriced_calls"]), (&json!(3), &json!(3)), "{usage}");
    let total = bench.totals(&format!("{hook}/metrics")).await;
    assert_eq!(total["api_calls"], 3, "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cancels_a_run_says_nothing_about_the_agent() {
    let bench = bench().await;
    let hook = bench.agent("Hook", json!({})).await;
    bench.used(&hook, json!({ "text": "hello" })).await;
    let run = bench.begin(&hook, json!({ "input": { "text": CUT_OFF } })).await;
    bench.peer.has_received(2).await;
    bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    let total = bench.totals(&format!("{hook}/metrics")).await;
    assert_eq!((&total["cancelled"], &total["success_rate"]), (&json!(1), &json!(1.0)), "{total}");
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(hook.trim_start_matches("/api")).await;
    assert!(page.contains("100 %") && !page.contains("50 %"), "{page}");
}
