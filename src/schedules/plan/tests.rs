//! Every way in which a clock may go, and that no tick is decided twice or never.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::types::Overlap;
use super::*;
use crate::base::{Id, Json};
use crate::targets::Target;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

fn a_schedule(cron: &str, missed_runs: MissedRuns, catch_up_limit: u32) -> Schedule {
    Schedule {
        id: Id::from_uuid(Uuid::from_u128(7)),
        name: "Report".to_owned(),
        description: String::new(),
        target: Target::Agent(Id::from_uuid(Uuid::from_u128(8))),
        input: Json::null(),
        cron: cron.to_owned(),
        time_zone: "UTC".to_owned(),
        active: true,
        missed_runs,
        catch_up_limit,
        overlap: Overlap::Allow,
        jitter_ms: 0,
        revision: 0,
        created_at: Timestamp::default(),
        created_by: "system:test".to_owned(),
        updated_at: Timestamp::default(),
        next_at: None,
        paused_at: None,
        last: None,
        ticks: 0,
        swept_until: Timestamp::default(),
    }
}

/// Everything that happens at `now`: the ticks that run, those that are skipped, and the next one.
fn decided(schedule: &Schedule, next: &str, now: &str) -> (Vec<String>, usize, Option<String>) {
    let table = schedule.timetable().expect("a table");
    let (mut fired, mut skipped, mut next) = (Vec::new(), 0, Some(at(next)));
    while let Some(tick) = next {
        let plan = plan(schedule, &table, tick, at(now));
        skipped += plan.skipped.as_ref().map_or(0, |it| count(&it.ticks));
        fired.extend(plan.fires.map(|it| it.to_string()[..16].to_owned()));
        if plan.next == next {
            break;
        }
        next = plan.next;
    }
    (fired, skipped, next.map(|it| it.to_string()[..16].to_owned()))
}

fn count(ticks: &Ticks) -> usize {
    match ticks {
        Ticks::Single(all) => all.len(),
        Ticks::Span { count, .. } => count.expect("counted") as usize,
    }
}

fn check(missed: MissedRuns, now: &str, fired: &[&str], skipped: usize, next: &str) {
    let schedule = a_schedule("0 * * * *", missed, 3);
    let (did, skip, then) = decided(&schedule, "2027-03-01T10:00:00Z", now);
    assert_eq!(
        (did.as_slice(), skip, then.as_deref()),
        (fired.map_owned().as_slice(), skipped, Some(next)),
        "{missed:?} {now}"
    );
}

trait Owned {
    fn map_owned(&self) -> Vec<String>;
}

impl Owned for [&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|it| (*it).to_owned()).collect()
    }
}

#[test]
fn a_tick_in_time_runs_whatever_the_policy() {
    for missed in [MissedRuns::Skip, MissedRuns::Once, MissedRuns::All] {
        for now in ["2027-03-01T10:00:00Z", "2027-03-01T10:00:59Z", "2027-03-01T10:01:00Z"] {
            check(missed, now, &["2027-03-01T10:00"], 0, "2027-03-01T11:00");
        }
        // Too early, as where a clock went back.
        check(missed, "2027-03-01T09:59:59.999Z", &[], 0, "2027-03-01T10:00");
    }
}

#[test]
fn missed_ticks_are_skipped_run_once_or_all_made_up_for() {
    let now = "2027-03-01T15:30:00Z";
    check(MissedRuns::Skip, now, &[], 6, "2027-03-01T16:00");
    check(MissedRuns::Once, now, &["2027-03-01T15:00"], 5, "2027-03-01T16:00");
    let last = ["2027-03-01T13:00", "2027-03-01T14:00", "2027-03-01T15:00"];
    check(MissedRuns::All, now, &last, 3, "2027-03-01T16:00");
    check(
        MissedRuns::All,
        "2027-03-01T11:30:00Z",
        &["2027-03-01T10:00", "2027-03-01T11:00"],
        0,
        "2027-03-01T12:00",
    );
}

#[test]
fn a_tick_in_time_stands_for_those_that_were_missed_before_it() {
    let now = "2027-03-01T15:00:30Z";
    check(MissedRuns::Skip, now, &["2027-03-01T15:00"], 5, "2027-03-01T16:00");
    check(MissedRuns::Once, now, &["2027-03-01T15:00"], 5, "2027-03-01T16:00");
    let last = ["2027-03-01T12:00", "2027-03-01T13:00", "2027-03-01T14:00", "2027-03-01T15:00"];
    check(MissedRuns::All, now, &last, 2, "2027-03-01T16:00");
}

#[test]
fn a_year_of_seconds_is_one_row_and_takes_no_year() {
    let mut schedule = a_schedule("* * * * * *", MissedRuns::All, 2);
    let table = schedule.timetable().expect("a table");
    let (first, now) = (at("2027-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    let plan_all = plan(&schedule, &table, first, now);
    let last = at("2027-12-31T23:58:57Z");
    assert_eq!(
        plan_all.skipped,
        Some(Skipped { reason: Reason::CatchUpLimit, ticks: Ticks::Span { first, last, count: None } })
    );
    assert_eq!(plan_all.fires, Some(at("2027-12-31T23:58:58Z")));
    schedule.missed_runs = MissedRuns::Skip;
    let plan_none = plan(&schedule, &table, first, now);
    assert_eq!((plan_none.fires, plan_none.next), (None, Some(at("2027-12-31T23:59:00Z"))));
}

#[test]
fn jitter_spreads_a_tick_and_is_the_same_at_every_reckoning() {
    let schedule = Schedule { jitter_ms: 600_000, ..a_schedule("0 * * * *", MissedRuns::Once, 3) };
    let ticks: Vec<Timestamp> =
        schedule.timetable().expect("a table").ticks_after(at("2027-03-01T00:00:00Z")).take(200).collect();
    let spread: Vec<u64> = ticks.iter().map(|it| schedule.due_of(*it).since(*it)).collect();
    assert!(spread.iter().all(|it| *it <= 600_000) && spread.iter().any(|it| *it > 300_000));
    assert_eq!(spread, ticks.iter().map(|it| schedule.due_of(*it).since(*it)).collect::<Vec<_>>());
}

fn any_policy() -> impl Strategy<Value = (MissedRuns, u32)> {
    (proptest::sample::select(&[MissedRuns::Skip, MissedRuns::Once, MissedRuns::All][..]), 1_u32..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The clock may stand still, run, jump ahead for days and go back; the wheel may look at any moment.
    #[test]
    fn every_tick_is_decided_once_and_none_is_passed_over(
        (missed, limit) in any_policy(),
        cron in proptest::sample::select(&["*/10 * * * *", "0 */3 * * *", "30 2 * * 1", "*/2 * * * *"][..]),
        jitter in proptest::sample::select(&[0_u64, 5_000, 90_000][..]),
        steps in proptest::collection::vec(prop_oneof![0_i64..90, -600..600_i64, 0..200_000_i64], 1..40),
    ) {
        let schedule = Schedule { jitter_ms: jitter, ..a_schedule(cron, missed, limit) };
        let table = schedule.timetable().expect("a table");
        let start = at("2027-03-01T00:00:00Z");
        let (mut now, mut next) = (start, table.next_after(start).expect("fires"));
        let mut seen: BTreeMap<Timestamp, u32> = BTreeMap::new();
        let mut until = start;
        for step in steps {
            now = Timestamp::from_millis(now.millis() + step * 1_000);
            loop {
                let plan = plan(&schedule, &table, next, now);
                if let Some(skipped) = &plan.skipped {
                    let ticks = match &skipped.ticks {
                        Ticks::Single(all) => all.clone(),
                        Ticks::Span { first, last, count } => {
                            let all: Vec<_> = std::iter::once(*first).chain(table.ticks_after(*first)).take_while(|it| it <= last).collect();
                            prop_assert_eq!(count.expect("counted") as usize, all.len());
                            all
                        }
                    };
                    for tick in ticks {
                        *seen.entry(tick).or_default() += 1;
                    }
                }
                if let Some(tick) = plan.fires {
                    prop_assert!(schedule.due_of(tick) <= now, "a tick runs before its time");
                    *seen.entry(tick).or_default() += 1;
                }
                let then = plan.next.expect("fires again");
                if then == next {
                    break;
                }
                prop_assert!(then > next);
                until = until.max(next);
                next = then;
            }
            prop_assert!(schedule.due_of(next) > now, "what is due is done");
        }
        let all: Vec<Timestamp> = table.ticks_after(start).take_while(|it| *it < next).collect();
        prop_assert_eq!(seen.keys().copied().collect::<Vec<_>>(), all);
        prop_assert!(seen.values().all(|it| *it == 1));
    }
}
