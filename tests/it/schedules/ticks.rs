//! Ticks: each runs once, at its time, with its input, whatever the server does meanwhile.

use serde_json::json;

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_runs_once_at_its_time_with_the_schedules_input() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("*/10 * * * *", json!({ "input": { "n": 7 } })).await;
    bench.pass(9 * 60 + 59);
    bench.pass(1);
    assert_eq!(bench.told(&schedule, 1).await, ["08:10 fired"]);
    bench.pass(600);
    bench.pass(30);
    assert_eq!(bench.told(&schedule, 2).await, ["08:10 fired", "08:20 fired"]);
    let received = bench.peer.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|it| it.body.contains("\"n\":7")), "{:?}", received[0].body);

    let view = bench.http.get(&schedule).await.expect(200);
    assert_eq!(view["next_runs"][0], "2027-01-15T08:30:00.000Z");
    assert_eq!(view["last_tick"]["at"], "2027-01-15T08:20:00.000Z");
    assert_eq!(view["last_tick"]["status"], "completed");
    assert_eq!(view["overdue"], false);

    let tick = &bench.http.get(&format!("{schedule}/history")).await.expect(200)["items"][0];
    let run = format!("/api/executions/{}", tick["execution_id"].as_str().expect("an id"));
    let run = bench.http.get(&run).await.expect(200);
    assert_eq!(run["trigger"]["kind"], "schedule");
    assert_eq!(run["trigger"]["source"], view["id"]);
    assert_eq!(run["metadata"]["scheduled_at"], "2027-01-15T08:20:00.000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_zone_of_a_schedule_says_when_its_hours_are() {
    let bench = Bench::new().await;
    let zone = |zone: &str| json!({ "time_zone": zone });
    let tokyo = bench.schedule("30 17 * * *", zone("asia/tokyo")).await;
    let view = bench.http.get(&tokyo).await.expect(200);
    assert_eq!(view["time_zone"], "Asia/Tokyo");
    assert_eq!(view["next_runs"][0], "2027-01-15T08:30:00.000Z");
    bench.pass(1_800);
    assert_eq!(bench.told(&tokyo, 1).await, ["08:30 fired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_now_needs_no_tick_and_moves_none() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("@daily", json!({ "active": false })).await;
    let run = bench.http.post(&format!("{schedule}/run"), json!({ "input": { "n": 3 } })).await;
    let location = run.header("location").expect("a place").to_owned();
    assert_eq!(run.expect(202)["id"].as_str(), location.rsplit('/').next());
    bench.http.post(&format!("{schedule}/run"), json!({})).await.expect(202);
    let items =
        bench.history(&schedule, |it| it.len() == 2 && it.iter().all(|it| it["status"] == "completed")).await;
    assert!(items.iter().all(|it| it["kind"] == "manual" && it["actor"].as_str().is_some()));
    bench
        .http
        .post(&format!("{schedule}/run"), json!({ "input": { "n": "three" } }))
        .await
        .expect_error(422, "InvalidInput");
    let view = bench.http.get(&schedule).await.expect(200);
    assert_eq!(
        (view["active"].as_bool(), view["next_runs"].as_array().map(Vec::len)),
        (Some(false), Some(0))
    );
    assert!(bench.peer.received().iter().any(|it| it.body.contains("\"n\":3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_switched_off_says_which_ticks_it_left_out() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 * * * *", json!({})).await;
    let off = bench.http.post(&format!("{schedule}/disable"), json!({})).await.expect(200);
    assert_eq!((off["active"].as_bool(), off["next_runs"].as_array().map(Vec::len)), (Some(false), Some(0)));
    bench.pass(2 * 3_600 + 60);
    bench.http.post(&format!("{schedule}/enable"), json!({})).await.expect(200);
    bench.pass(3_600 - 60);
    assert_eq!(
        bench.told(&schedule, 3).await,
        ["09:00 skipped paused", "10:00 skipped paused", "11:00 fired"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_times_begin_anew_and_other_words_do_not() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 * * * *", json!({ "jitter_ms": 3_600_000 })).await;
    bench.pass(3_600);
    // The tick of nine o'clock waits for its jitter: a new name leaves it alone.
    let renamed = bench.body("0 * * * *", json!({ "name": "Renamed", "jitter_ms": 3_600_000 }));
    let view = bench.http.put(&schedule, renamed).await.expect(200);
    if view["next_runs"][0] == "2027-01-15T09:00:00.000Z" {
        bench.http.put(&schedule, bench.body("30 * * * *", json!({}))).await.expect(200);
        assert_eq!(bench.told(&schedule, 1).await, ["09:00 skipped changed"]);
    }
    let now = bench.http.put(&schedule, bench.body("45 * * * *", json!({}))).await.expect(200);
    assert_eq!(now["next_runs"][0], "2027-01-15T09:45:00.000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn jitter_delays_a_run_and_no_tick() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 9 * * *", json!({ "jitter_ms": 600_000 })).await;
    bench.pass(3_600);
    let early = bench.runs().await;
    bench.pass(600);
    assert_eq!(bench.told(&schedule, 1).await, ["09:00 fired"]);
    assert!(early <= 1 && bench.runs().await == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_in_pages_and_by_outcome() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("* * * * *", json!({ "missed_runs": "skip" })).await;
    bench.pass(7 * 60 + 30);
    let told = bench.told(&schedule, 7).await;
    assert_eq!((told[5].as_str(), told[6].as_str()), ("08:06 skipped missed", "08:07 fired"));
    let seen = bench.http.list(&format!("{schedule}/history?limit=3")).await;
    let seen: Vec<_> = seen.iter().rev().map(super::line).collect();
    assert_eq!(seen, told);
    let fired = bench.http.get(&format!("{schedule}/history?outcome=fired")).await.expect(200);
    assert_eq!(fired["items"].as_array().map(Vec::len), Some(1));
}
