//! Clocks that jump, and servers that were not there: nothing runs twice, and nothing is passed over in silence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn missed_ticks_are_skipped_run_once_or_all_made_up_for() {
    let bench = Bench::new().await;
    let made = |missed: &str| json!({ "name": missed, "missed_runs": missed, "catch_up_limit": 2, "overlap": "allow" });
    let skip = bench.schedule("0 * * * *", made("skip")).await;
    let once = bench.schedule("0 * * * *", made("once")).await;
    let all = bench.schedule("0 * * * *", made("all")).await;
    bench.pass(4 * 3_600 + 1_800);
    let skipped = ["09:00 skipped missed", "10:00 skipped missed", "11:00 skipped missed"];
    assert_eq!(bench.told(&skip, 4).await, [&skipped[..], &["12:00 skipped missed"]].concat());
    assert_eq!(bench.told(&once, 4).await, [&skipped[..], &["12:00 fired"]].concat());
    assert_eq!(
        bench.told(&all, 4).await,
        ["09:00 skipped catch_up_limit", "10:00 skipped catch_up_limit", "11:00 fired", "12:00 fired"]
    );
    for schedule in [&skip, &once, &all] {
        let view = bench.http.get(schedule).await.expect(200);
        assert_eq!(view["next_runs"][0], "2027-01-15T13:00:00.000Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_fires_nothing_again() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("*/5 * * * *", json!({})).await;
    for count in 1..=3 {
        bench.pass(300);
        bench.told(&schedule, count).await;
        bench.pass(-310);
        bench.pass(310);
    }
    let told = bench.told(&schedule, 3).await;
    assert_eq!(told, ["08:05 fired", "08:10 fired", "08:15 fired"]);
    assert_eq!(bench.runs().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_far_ahead_for_a_while_leaves_no_silence() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("0 * * * *", json!({ "missed_runs": "skip" })).await;
    bench.pass(3_600);
    bench.told(&schedule, 1).await;
    bench.pass(30 * 86_400);
    let far = |it: &[Value]| it.iter().any(|it| it["kind"] == "span");
    let items = bench.history(&schedule, far).await;
    // A month of hours is one line, which says how many they were.
    let span = items.iter().find(|it| it["kind"] == "span").expect("a span");
    assert_eq!(span["count"], 30 * 24 - 1);
    bench.pass(-30 * 86_400);
    reeve::schedules::catch_up_with_clock(&bench.appliance.inner.services).await.expect("looks");
    let view = bench.http.get(&schedule).await.expect(200);
    assert_eq!(view["next_runs"][0], "2027-01-15T10:00:00.000Z");
    bench.pass(3_600);
    let fired =
        |it: &[Value]| it.iter().any(|it| it["at"] == "2027-01-15T10:00:00.000Z" && it["outcome"] == "fired");
    bench.history(&schedule, fired).await;
    let before = bench.runs().await;
    bench.pass(-3_600);
    reeve::schedules::catch_up_with_clock(&bench.appliance.inner.services).await.expect("looks");
    let view = bench.http.get(&schedule).await.expect(200);
    assert_eq!(
        (view["next_runs"][0].as_str(), bench.runs().await),
        (Some("2027-01-15T11:00:00.000Z"), before)
    );
}

/// C10 in small: a clock that behaves as badly as clocks can, and a count of everything.
#[tokio::test(flavor = "multi_thread")]
async fn every_tick_is_told_of_once_whatever_the_clock_does() {
    let bench = Bench::new().await;
    let with = |missed: &str| json!({ "missed_runs": missed, "catch_up_limit": 5, "overlap": "allow" });
    let mut schedules = Vec::new();
    for (cron, missed) in [("*/7 * * * *", "skip"), ("*/10 * * * *", "once"), ("0 */2 * * *", "all")] {
        schedules.push((cron, bench.schedule(cron, with(missed)).await));
    }
    let steps =
        [600, 3_600, -3_600, 60, -300, 10, -300, 300, 86_400, -60, 7_200, -86_400, 86_400, 3_601, 1, 1];
    for step in steps {
        bench.pass(step);
        settled(&bench, &schedules).await;
    }
    let mut fired = 0;
    for (cron, schedule) in &schedules {
        let items = bench.http.list(&format!("{schedule}/history?limit=200")).await;
        fired += items.iter().filter(|it| it["outcome"] == "fired").count();
        let mut ticks: BTreeMap<String, usize> = BTreeMap::new();
        for tick in items.iter().filter(|it| it["kind"] == "due") {
            *ticks.entry(tick["at"].as_str().expect("a time").to_owned()).or_default() += 1;
        }
        let spans: u64 = items.iter().filter_map(|it| it["count"].as_u64()).sum();
        assert!(ticks.values().all(|it| *it == 1), "{cron} has a tick twice");
        let next =
            bench.http.get(schedule).await.expect(200)["next_runs"][0].as_str().expect("a time").to_owned();
        let step_ms = match *cron {
            "*/10 * * * *" => 600_000,
            "0 */2 * * *" => 7_200_000,
            _ => continue,
        };
        let millis = |it: &str| reeve::base::Timestamp::parse(it).expect("a time").millis();
        let expected = (millis(&next) - 1_800_000_000_000 - 1) / step_ms;
        assert_eq!(ticks.len() as i64 + spans as i64, expected, "{cron}: a tick was passed over");
    }
    assert_eq!(bench.runs().await, fired, "a run for each tick that fired");
}

/// Waits until no schedule has a tick whose time has come.
async fn settled(bench: &Bench, schedules: &[(&str, String)]) {
    let deadline = std::time::Instant::now() + super::PATIENCE;
    for (_, schedule) in schedules {
        loop {
            let view = bench.http.get(schedule).await.expect(200);
            let next = reeve::base::Timestamp::parse(view["next_runs"][0].as_str().expect("a time"))
                .expect("a time");
            if next > bench.appliance.inner.services.env.now() {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{view}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
