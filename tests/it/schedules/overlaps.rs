//! Ticks that meet a run of the same schedule.

use serde_json::{Value, json};

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_beside_a_run_is_skipped_unless_it_is_asked_otherwise() {
    let bench = Bench::gated().await;
    let schedule = bench.schedule("*/10 * * * *", json!({})).await;
    bench.pass(600);
    bench.peer.has_received(1).await;
    bench.pass(600);
    let items = bench.history(&schedule, |it| it.len() == 2).await;
    assert_eq!((items[0]["reason"].as_str(), items[1]["status"].is_null()), (Some("overlap"), true));
    assert!(items[0]["message"].as_str().expect("says").starts_with("exe_"));
    bench.gate.add_permits(1);
    bench.told(&schedule, 2).await;
    bench.pass(600);
    bench.gate.add_permits(1);
    assert_eq!(bench.told(&schedule, 3).await, ["08:10 fired", "08:20 skipped overlap", "08:30 fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_may_run_beside_each_other() {
    let bench = Bench::gated().await;
    let schedule = bench.schedule("*/10 * * * *", json!({ "overlap": "allow" })).await;
    for count in 1..=3 {
        bench.pass(600);
        bench.peer.has_received(count).await;
    }
    bench.gate.add_permits(3);
    assert_eq!(bench.told(&schedule, 3).await, ["08:10 fired", "08:20 fired", "08:30 fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_wait_in_line_and_run_one_after_the_other() {
    let bench = Bench::gated().await;
    let schedule = bench.schedule("*/10 * * * *", json!({ "overlap": "queue" })).await;
    for count in 1..=3 {
        bench.pass(600);
        bench.history(&schedule, |it| it.len() == count).await;
    }
    let outcomes = |it: &[Value]| it.iter().map(super::line).collect::<Vec<_>>();
    let items = bench.history(&schedule, |it| it.len() == 3).await;
    assert_eq!(outcomes(&items), ["08:30 queued", "08:20 queued", "08:10 fired"]);
    for done in 1..=3 {
        bench.gate.add_permits(1);
        let ended = |it: &[Value]| it.iter().filter(|it| it["status"] == "completed").count() == done;
        bench.history(&schedule, ended).await;
        assert!(bench.peer.received().len() <= done + 1, "two at once");
    }
    assert_eq!(bench.told(&schedule, 3).await, ["08:10 fired", "08:20 fired", "08:30 fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_that_wait_are_let_go_where_the_schedule_is_switched_off() {
    let bench = Bench::gated().await;
    let schedule = bench.schedule("*/10 * * * *", json!({ "overlap": "queue" })).await;
    for count in 1..=2 {
        bench.pass(600);
        bench.history(&schedule, |it| it.len() == count).await;
    }
    bench.http.post(&format!("{schedule}/disable"), json!({})).await.expect(200);
    bench.gate.add_permits(1);
    assert_eq!(bench.told(&schedule, 2).await, ["08:10 fired", "08:20 skipped paused"]);
    assert_eq!(bench.runs().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_waited_is_refused_aloud_and_the_next_one_has_its_turn() {
    let bench = Bench::gated().await;
    let schedule = bench.schedule("*/10 * * * *", json!({ "overlap": "queue" })).await;
    for count in 1..=3 {
        bench.pass(600);
        bench.history(&schedule, |it| it.len() == count).await;
    }
    bench.http.post(&format!("/api/agents/{}/disable", bench.agent), json!({})).await.expect(200);
    bench.gate.add_permits(1);
    bench.history(&schedule, |it| it[1]["outcome"] == "skipped").await;
    bench.pass(1);
    assert_eq!(
        bench.told(&schedule, 3).await,
        ["08:10 fired", "08:20 skipped refused", "08:30 skipped refused"]
    );
}
