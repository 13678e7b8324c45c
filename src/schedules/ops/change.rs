//! Changing schedules: made, changed, switched, deleted. Every change is in the audit log.

use super::super::input::NewSchedule;
use super::super::plan::{self, Skipped};
use super::super::timetable::Timetable;
use super::super::types::{MAX_QUEUED, MAX_SCHEDULES, Outcome, Reason, Schedule, Tick};
use super::super::view::ScheduleView;
use super::super::{record, store};
use super::changing;
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Code, Error, Id, Result, ScheduleId, Timestamp};
use crate::engine::{Timer, TimerKind};
use crate::infra::store::{Key, OrgTx};
use crate::targets::{self, Target};

/// Makes a schedule. Its first tick is the first after now.
///
/// Errors: `ValidationFailed` with every wrong field; those of `targets::ready` for what it runs;
/// `OrganizationLimitExceeded`.
pub async fn create(cx: &Cx, new: NewSchedule) -> Result<ScheduleView> {
    cx.require(Action::SchedulesWrite)?;
    let (new, table) = new.checked()?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let target = target_of(&caller, tx, &new)?;
        if store::count(tx, 1)? > MAX_SCHEDULES {
            let message = format!("an organization has at most {MAX_SCHEDULES} schedules");
            return Err(Error::new(Code::OrganizationLimitExceeded, message));
        }
        let now = caller.now();
        let mut schedule = Schedule {
            id: caller.id(),
            name: String::new(),
            description: String::new(),
            target,
            input: new.input.clone(),
            cron: String::new(),
            time_zone: String::new(),
            active: false,
            missed_runs: new.missed_runs,
            catch_up_limit: new.catch_up_limit,
            overlap: new.overlap,
            jitter_ms: 0,
            revision: 0,
            created_at: now,
            created_by: caller.actor().to_string(),
            updated_at: now,
            next_at: new.active.then(|| table.next_after(now)).flatten(),
            paused_at: (!new.active).then_some(now),
            last: None,
            ticks: 0,
            swept_until: Timestamp::default(),
        };
        take(&mut schedule, new, target);
        record::arm(tx, &schedule)?;
        tx.insert(&schedule)?;
        let note = Note::of("schedule.create", "schedule", schedule.id)
            .with("name", schedule.name.as_str())
            .with(target.field(), target.id())
            .with("cron", schedule.cron.as_str());
        caller.note(tx, note)?;
        ScheduleView::of(schedule, now)
    })
    .await
}

/// Replaces everything that can be changed. With other times, the first tick is the first after now. `expected`
/// is the revision that the caller has read.
///
/// Errors: as `create`; `NotFound`; `PreconditionFailed`.
pub async fn update(
    cx: &Cx,
    id: ScheduleId,
    new: NewSchedule,
    expected: Option<u64>,
) -> Result<ScheduleView> {
    cx.require(Action::SchedulesWrite)?;
    let (new, _) = new.checked()?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let old = changing(&caller, tx, id, expected)?;
        let target = match runs_the_same(&old, &new)? {
            true => old.target,
            false => target_of(&caller, tx, &new)?,
        };
        let mut schedule = old.clone();
        let note = Note::of("schedule.update", "schedule", id).with("changed", changed(&old, &new, target));
        take(&mut schedule, new, target);
        save(&caller, tx, &old, schedule, note)
    })
    .await
}

/// Its ticks run again, from the next on.
///
/// Errors: `NotFound`; those of `targets::ready` where what it runs does not run.
pub async fn enable(cx: &Cx, id: ScheduleId) -> Result<ScheduleView> {
    switch(cx, id, true).await
}

/// No tick of it runs until it is enabled. What is under way goes on.
///
/// Errors: `NotFound`.
pub async fn disable(cx: &Cx, id: ScheduleId) -> Result<ScheduleView> {
    switch(cx, id, false).await
}

async fn switch(cx: &Cx, id: ScheduleId, active: bool) -> Result<ScheduleView> {
    cx.require(Action::SchedulesWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let old = changing(&caller, tx, id, None)?;
        if old.active == active {
            return ScheduleView::of(old, caller.now());
        }
        if active {
            targets::ready(&caller, tx, &old.target.into(), &old.input)?;
        }
        let word = if active { "schedule.enable" } else { "schedule.disable" };
        let schedule = Schedule { active, ..old.clone() };
        save(&caller, tx, &old, schedule, Note::of(word, "schedule", id))
    })
    .await
}

/// The schedule and its history are gone. Runs that it began stay, and go on.
///
/// Errors: `NotFound`, `PreconditionFailed`.
pub async fn delete(cx: &Cx, id: ScheduleId, expected: Option<u64>) -> Result<()> {
    cx.require(Action::SchedulesWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let schedule = changing(&caller, tx, id, expected)?;
        tx.delete::<Schedule>(id)?;
        tx.delete_all::<Tick>(Key::of(id))?;
        Timer::clear(tx, TimerKind::Schedule, id.bytes())?;
        Timer::clear(tx, TimerKind::ScheduleQueue, id.bytes())?;
        store::count(tx, -1)?;
        caller.note(tx, Note::of("schedule.delete", "schedule", id).with("name", schedule.name.as_str()))
    })
    .await
}

/// What is to be run, where the caller may run it and it takes the input. One that does not run at present is
/// enough for a schedule that is switched off.
fn target_of(cx: &Cx, tx: &OrgTx<'_, '_>, new: &NewSchedule) -> Result<Target> {
    let named = new.target()?;
    match targets::ready(cx, tx, &named, &new.input) {
        Err(error) if (error.is(Code::VersionConflict) || error.is(Code::Stopped)) && !new.active => {
            targets::may_run(cx, tx, &named).map_err(|_| error)
        }
        other => other,
    }
}

/// Nothing changes of what is run that would have to be checked again.
fn runs_the_same(old: &Schedule, new: &NewSchedule) -> Result<bool> {
    Ok(new.target()?.is(old.target) && new.input == old.input && (old.active || !new.active))
}

fn take(schedule: &mut Schedule, new: NewSchedule, target: Target) {
    schedule.name = new.name;
    schedule.description = new.description;
    schedule.target = target;
    schedule.input = new.input;
    schedule.cron = new.cron;
    schedule.time_zone = new.time_zone;
    schedule.active = new.active;
    schedule.missed_runs = new.missed_runs;
    schedule.catch_up_limit = new.catch_up_limit;
    schedule.overlap = new.overlap;
    schedule.jitter_ms = new.jitter_ms;
}

/// Names of what changes; never its content.
fn changed(old: &Schedule, new: &NewSchedule, target: Target) -> Vec<&'static str> {
    [
        ("name", old.name != new.name),
        ("description", old.description != new.description),
        (target.field(), old.target != target),
        ("input", old.input != new.input),
        ("cron", old.cron != new.cron),
        ("time_zone", old.time_zone != new.time_zone),
        ("active", old.active != new.active),
        ("missed_runs", old.missed_runs != new.missed_runs),
        ("catch_up_limit", old.catch_up_limit != new.catch_up_limit),
        ("overlap", old.overlap != new.overlap),
        ("jitter_ms", old.jitter_ms != new.jitter_ms),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

fn save(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    old: &Schedule,
    mut schedule: Schedule,
    note: Note,
) -> Result<ScheduleView> {
    let now = cx.now();
    schedule.revision += 1;
    schedule.updated_at = now;
    retime(tx, old, &mut schedule, now)?;
    tx.put(&schedule)?;
    cx.note(tx, note)?;
    ScheduleView::of(schedule, now)
}

/// Brings the next tick to what the schedule says now. Ticks that were due and are not run are recorded.
fn retime(tx: &mut OrgTx<'_, '_>, old: &Schedule, schedule: &mut Schedule, now: Timestamp) -> Result<()> {
    let times = |it: &Schedule| (it.cron.clone(), it.time_zone.clone(), it.jitter_ms);
    if old.active == schedule.active && (!schedule.active || times(old) == times(schedule)) {
        return Ok(());
    }
    let table = old.timetable()?;
    let (first, reason) = match (old.active, schedule.active) {
        (true, true) => (old.next_at, Reason::Changed),
        (true, false) => (old.next_at, Reason::Paused),
        (false, _) => (old.paused_at.and_then(|it| table.next_after(it)), Reason::Paused),
    };
    skip(tx, schedule, &table, first, now, reason)?;
    schedule.paused_at = (!schedule.active).then_some(now);
    schedule.next_at = match schedule.active {
        true => record::first_open(tx, schedule, &schedule.timetable()?, now)?,
        false => None,
    };
    if !schedule.active {
        let_go(tx, schedule, now)?;
    }
    record::arm(tx, schedule)
}

fn skip(
    tx: &mut OrgTx<'_, '_>,
    schedule: &mut Schedule,
    table: &Timetable,
    first: Option<Timestamp>,
    until: Timestamp,
    reason: Reason,
) -> Result<()> {
    let Some(ticks) = first.and_then(|it| plan::all(table, it, until)) else { return Ok(()) };
    record::keep_skipped(tx, schedule, &Skipped { reason, ticks }, until)
}

/// Ticks that wait for a run to end wait no more.
fn let_go(tx: &mut OrgTx<'_, '_>, schedule: &Schedule, now: Timestamp) -> Result<()> {
    for tick in store::queued(tx, schedule.id, MAX_QUEUED)? {
        let reason = Some(Reason::Paused);
        tx.put(&Tick { outcome: Outcome::Skipped, reason, recorded_at: now, ..tick })?;
    }
    Timer::clear(tx, TimerKind::ScheduleQueue, schedule.id.bytes())
}
