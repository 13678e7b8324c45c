//! Finding runs, and what they said.

use serde_json::{Value, json};

use super::{Bench, ok};
use crate::support::peer::{answer, json as json_answer};

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_in_pages() {
    let bench = Bench::new(|_, _| ok()).await;
    let agent = bench.agent("A", json!({})).await;
    let mut made = Vec::new();
    for _ in 0..7 {
        let run = bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect(200);
        made.insert(0, run["id"].as_str().expect("an id").to_owned());
    }
    for list in ["/api/executions".to_owned(), format!("{agent}/executions")] {
        let found = bench.owner.list(&format!("{list}?limit=3")).await;
        assert_eq!(ids(&found), made);
    }
    let page = bench.owner.get("/api/executions?limit=1").await.expect(200);
    let of_another = page["next_cursor"].as_str().expect("a cursor").to_owned();
    for (list, cursor) in
        [("/api/executions", "x"), ("/api/executions", "bm9uc2Vuc2U"), ("/api/agents", of_another.as_str())]
    {
        let refused = bench.owner.get(&format!("{list}?cursor={cursor}")).await;
        let refused = refused.expect_error(422, "ValidationFailed");
        assert_eq!(refused["error"]["details"]["validation_errors"][0]["path"], "/cursor", "{refused}");
    }
    bench.owner.get("/api/executions?limit=0").await.expect_error(422, "ValidationFailed");
    bench.owner.get("/api/executions?nothing=0").await.expect_error(422, "ValidationFailed");
}

/// However large what agents answer is, a list stays small enough to be made and read.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_runs_ends_sooner() {
    let large = json!({ "text": "x".repeat(5 << 20) });
    let bench = Bench::new(move |_, _| json_answer(&large)).await;
    let agent = bench.agent("Large", json!({})).await;
    for _ in 0..3 {
        bench.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await.expect(200);
    }
    let page = bench.owner.get("/api/executions").await.expect(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
    let cursor = page["next_cursor"].as_str().expect("more");
    let page = bench.owner.get(&format!("/api/executions?cursor={cursor}")).await.expect(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_what_they_are() {
    let bench = Bench::new(|it, _| match it.json()["text"].as_str() {
        Some("fail") => answer(400, &[], "broken teapot"),
        _ => json_answer(&json!({ "answer": "Kettle" })),
    })
    .await;
    let (one, two) = (bench.agent("One", json!({})).await, bench.agent("Two", json!({})).await);
    let first = bench.begin(&one, json!({ "session_id": "s1" })).await;
    let first = bench.ended(&first).await;
    let second = bench.begin(&two, json!({ "input": { "text": "fail" } })).await;
    let second = bench.ended(&second).await;
    let id = |run: &Value| run["id"].as_str().expect("an id").to_owned();
    let agent = first["agent_id"].as_str().expect("an id");
    let at = second["created_at"].as_str().expect("a time");
    for (query, expected) in [
        ("status=completed".to_owned(), vec![id(&first)]),
        ("status=failed".to_owned(), vec![id(&second)]),
        ("status=running".to_owned(), vec![]),
        (format!("agent_id={agent}"), vec![id(&first)]),
        ("agent_id=two".to_owned(), vec![id(&second)]),
        ("agent_id=two&status=completed".to_owned(), vec![]),
        ("session_id=s1".to_owned(), vec![id(&first)]),
        ("q=kettle".to_owned(), vec![id(&first)]),
        ("q=FAIL".to_owned(), vec![id(&second)]),
        (format!("q={}", id(&second)), vec![id(&second)]),
        (format!("from={at}"), vec![id(&second)]),
        (format!("to={at}"), vec![id(&first)]),
        (String::new(), vec![id(&second), id(&first)]),
    ] {
        let page = bench.owner.get(&format!("/api/executions?{query}")).await.expect(200);
        assert_eq!(ids(page["items"].as_array().expect("items")), expected, "{query}");
    }
    bench.owner.get("/api/executions?agent_id=none").await.expect_error(404, "AgentNotFound");
    bench.owner.get("/api/executions?status=lost").await.expect_error(422, "ValidationFailed");
    bench.owner.get(&format!("{one}/executions/{}", id(&second))).await.expect_error(404, "NotFound");
    assert_eq!(bench.owner.get(&format!("{one}/executions/{}", id(&first))).await.expect(200), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_read_by_level_in_pages() {
    let bench = Bench::new(|_, n| if n < 3 { answer(503, &[], "no") } else { ok() }).await;
    let retry = json!({ "max_attempts": 4, "backoff_ms": 1, "max_backoff_ms": 1 });
    let agent = bench.agent("A", json!({ "retry": retry })).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.ended(&run).await;
    let all = bench.owner.get(&format!("{run}/logs")).await.expect(200);
    let all = all["items"].as_array().expect("items").clone();
    assert!(all.iter().any(|it| it["level"] == "warn") && all.iter().any(|it| it["level"] == "error"));
    assert!(all.is_sorted_by_key(|it| it["sequence"].as_u64()));
    let errors = bench.owner.get(&format!("{run}/logs?level=error")).await.expect(200);
    let errors = errors["items"].as_array().expect("items").len();
    assert_eq!(errors, all.iter().filter(|it| it["level"] == "error").count());
    assert_eq!(bench.owner.list(&format!("{run}/logs?limit=2")).await, all);
}
