//! When counting begins anew.

use serde_json::json;

use super::{Bench, DOLLAR, figures};

#[tokio::test]
async fn a_day_begins_at_midnight_where_the_organization_is() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let execute = format!("{agent}/execute");
    let org = bench.owner.put("/api/org", json!({ "time_zone": "asia/tokyo" })).await.expect(200);
    assert_eq!(org["time_zone"], "Asia/Tokyo");
    let budget = bench.budget(json!({ "limit_micros": DOLLAR })).await;
    let ends = budget["standing"]["resets_at"].as_str().expect("a time").to_owned();
    assert!(ends.ends_with("T15:00:00.000Z"), "midnight in Tokyo: {ends}");
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429);
    let now = reeve::base::Clock::now(&*bench.clock);
    let ends = reeve::base::Timestamp::parse(&ends).expect("a time");
    bench.clock.advance_ms(ends.since(now) - 1);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429);
    bench.clock.advance_ms(1);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    assert_eq!(figures(&bench.standing(&budget).await), (DOLLAR, 0, 1));
}

#[tokio::test]
async fn a_zone_that_is_none_is_refused() {
    let bench = Bench::new().await;
    let error = bench.owner.put("/api/org", json!({ "time_zone": "Mars/Olympus" })).await.expect(422);
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/time_zone");
}

#[tokio::test]
async fn months_and_totals_go_on_over_days() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let execute = format!("{agent}/execute");
    let total = bench.budget(json!({ "window": "total", "limit_micros": 2 * DOLLAR })).await;
    assert_eq!(total["standing"]["resets_at"], json!(null));
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    bench.clock.advance_ms(40 * 24 * 3_600_000);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    let refused = bench.owner.post(&execute, json!({ "input": "a" })).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, None), "it never begins anew");
    assert_eq!(figures(&bench.standing(&total).await), (2 * DOLLAR, 0, 2));
}

#[tokio::test]
async fn each_run_may_use_so_much() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let execute = format!("{agent}/execute");
    let cap = json!({ "name": "Cap", "scope": "run", "window": "run", "limit_micros": DOLLAR });
    let cap = bench.budget(cap).await;
    for _ in 0..3 {
        bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    }
    let path = format!("/api/budgets/{}", cap["id"].as_str().expect("an id"));
    bench.owner.put(&path, json!({ "name": "Cap", "limit_micros": DOLLAR - 1 })).await.expect(200);
    let error = bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429);
    assert!(error["error"]["message"].as_str().is_some_and(|it| it.contains("a run")), "{error}");
}
