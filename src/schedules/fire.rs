//! What happens when a tick's time has come. One transaction takes the timer, keeps the tick, accepts the run and
//! sets the timer of the next tick, so that a crash leaves all of it or nothing.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::json;

use super::plan::{Plan, plan};
use super::types::{LATE_MS, MAX_QUEUED, Outcome, Overlap, Reason, Schedule, Tick};
use super::{record, store};
use crate::access::{Cx, Services};
use crate::base::{Code, Error, Id, Json, Result, ScheduleId, Timestamp};
use crate::engine::{Due, Fire, TimerKind};
use crate::executions::{self, NewExecution, Trigger, TriggerKind};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows};
use crate::targets;

/// Someone changes the schedule, or a run of it ends, between look and transaction: looked at so often anew.
const LOOKS: usize = 5;

/// Fires ticks, and those that waited for the run before them.
pub(super) struct Scheduler(Weak<Services>);

impl Scheduler {
    pub(super) fn new(services: &Arc<Services>) -> Self {
        Self(Arc::downgrade(services))
    }
}

#[async_trait]
impl Fire for Scheduler {
    async fn fire(&self, due: Due) -> Result<()> {
        let Some(services) = self.0.upgrade() else { return Ok(()) };
        let cx = Cx::system(&services, due.org, "scheduler");
        let mut last = Error::conflict("the schedule changes all the time");
        for _ in 0..LOOKS {
            let done = match due.kind {
                TimerKind::ScheduleQueue => wake(&cx, due).await,
                _ => tick(&cx, due).await,
            };
            match done {
                Err(error) if error.is(Code::Conflict) => last = error,
                done => return done,
            }
        }
        Err(last)
    }
}

async fn tick(cx: &Cx, due: Due) -> Result<()> {
    let rows = cx.read()?;
    let id = ScheduleId::from_bytes(due.subject);
    let Some(seen) = rows.get::<Schedule>(id)? else { return drop_timer(cx, due).await };
    let Some(next) = seen.next_at.filter(|_| seen.due_at() == Some(due.at)) else {
        return rearm(cx, due, id).await;
    };
    let now = cx.now();
    let plan = plan(&seen, &seen.timetable()?, next, now);
    let Some(at) = plan.fires else { return advance(cx, due, seen, plan, None).await };
    let late_ms = now.since(seen.due_of(at));
    if late_ms > LATE_MS {
        tracing::warn!(schedule.id = %id, late_ms, "a tick of schedule {id} comes {late_ms} ms late");
    }
    if record::is_decided(&rows, &seen, at)? {
        return advance(cx, due, seen, plan, None).await;
    }
    let open = store::open(&rows, id)?;
    let skipped = match (seen.overlap, &open) {
        (Overlap::Skip, Some(before)) => {
            let tick = Tick::skipped(&seen, at, Reason::Overlap, now);
            let message = before.execution_id.map(|it| format!("{it} was still under way"));
            Some(Tick { message, ..tick })
        }
        (Overlap::Queue, before) => {
            let queued = store::queued(&rows, id, MAX_QUEUED)?.len();
            match queued {
                0 if before.is_none() => None,
                MAX_QUEUED => Some(Tick::skipped(&seen, at, Reason::QueueFull, now)),
                _ => Some(Tick::due(&seen, at, Outcome::Queued, now)),
            }
        }
        _ => None,
    };
    drop(rows);
    match skipped {
        Some(tick) => advance(cx, due, seen, plan, Some(tick)).await,
        None => start(cx, due, seen, plan, at).await,
    }
}

/// Accepts the run of the tick at `at`, or keeps why it was refused.
async fn start(cx: &Cx, due: Due, seen: Schedule, plan: Plan, at: Timestamp) -> Result<()> {
    let now = cx.now();
    let (before, planned) = (seen.clone(), plan.clone());
    let also = move |tx: &mut OrgTx<'_, '_>, execution: &executions::Execution| {
        let tick = Tick { execution_id: Some(execution.id), ..Tick::due(&before, at, Outcome::Fired, now) };
        step(tx, due, &before, &planned, Some(tick), now)
    };
    match accept(cx, &seen, at, also).await {
        Err(refusal) if is_final(&refusal) => {
            let tick = refused(Tick::due(&seen, at, Outcome::Skipped, now), &refusal);
            advance(cx, due, seen, plan, Some(tick)).await
        }
        done => done,
    }
}

async fn accept(
    cx: &Cx,
    schedule: &Schedule,
    at: Timestamp,
    also: impl FnOnce(&mut OrgTx<'_, '_>, &executions::Execution) -> Result<()> + Send + 'static,
) -> Result<()> {
    let trigger = Trigger::of(TriggerKind::Schedule, cx).from_source(schedule.id);
    targets::start(cx, schedule.target, trigger, request_of(schedule, at), also).await.map(drop)
}

/// The run of the tick at `at`.
pub(super) fn request_of(schedule: &Schedule, at: Timestamp) -> NewExecution {
    let metadata = json!({ "schedule_id": schedule.id.to_string(), "scheduled_at": at.to_string() });
    NewExecution {
        wait_ms: Some(0),
        metadata: Some(Json::of(&metadata)),
        ..NewExecution::of(schedule.input.clone())
    }
}

/// Whether the same run would be refused again in a moment; otherwise the tick waits and is tried once more.
fn is_final(error: &Error) -> bool {
    !matches!(error.code(), Code::Conflict | Code::Unavailable | Code::Internal)
}

fn refused(tick: Tick, refusal: &Error) -> Tick {
    let message = Some(format!("{}: {}", refusal.code().name(), refusal.message()));
    Tick { outcome: Outcome::Skipped, reason: Some(Reason::Refused), message, ..tick }
}

/// Keeps what was planned, without a run.
async fn advance(cx: &Cx, due: Due, seen: Schedule, plan: Plan, tick: Option<Tick>) -> Result<()> {
    let now = cx.now();
    cx.write(move |tx| step(tx, due, &seen, &plan, tick, now)).await
}

/// Errors: `Conflict` where the schedule, or what it has under way, is not what was `seen`.
fn step(
    tx: &mut OrgTx<'_, '_>,
    due: Due,
    seen: &Schedule,
    plan: &Plan,
    tick: Option<Tick>,
    now: Timestamp,
) -> Result<()> {
    due.take(tx)?;
    fault!("schedules.tick"?);
    let mut schedule = store::find(tx, seen.id)?;
    if schedule.revision != seen.revision || schedule.next_at != seen.next_at {
        return Err(Error::conflict("the schedule was changed meanwhile"));
    }
    let alone = seen.overlap != Overlap::Allow && tick.as_ref().is_some_and(Tick::is_open);
    if alone && store::open(tx, seen.id)?.is_some() {
        return Err(Error::conflict("a run of it began meanwhile"));
    }
    if let Some(skipped) = &plan.skipped {
        record::keep_skipped(tx, &mut schedule, skipped, now)?;
    }
    if let Some(tick) = &tick {
        record::keep(tx, &mut schedule, tick)?;
        if tick.outcome == Outcome::Queued && store::open(tx, seen.id)?.is_none() {
            // What it was to wait for has ended meanwhile.
            record::wake(tx, seen.id, now)?;
        }
    }
    schedule.next_at = plan.next;
    record::arm(tx, &schedule)?;
    tx.put(&schedule)
}

/// Begins the oldest tick that waits, where nothing is under way.
async fn wake(cx: &Cx, due: Due) -> Result<()> {
    let rows = cx.read()?;
    let id = ScheduleId::from_bytes(due.subject);
    let waiting = store::queued(&rows, id, 1)?.pop();
    let (Some(schedule), Some(waiting)) = (rows.get::<Schedule>(id)?, waiting) else {
        return drop_timer(cx, due).await;
    };
    if store::open(&rows, id)?.is_some() {
        return drop_timer(cx, due).await;
    }
    drop(rows);
    let now = cx.now();
    let tick = waiting.clone();
    let also = move |tx: &mut OrgTx<'_, '_>, execution: &executions::Execution| {
        due.take(tx)?;
        let fired =
            Tick { outcome: Outcome::Fired, execution_id: Some(execution.id), recorded_at: now, ..tick };
        settle(tx, fired)
    };
    match accept(cx, &schedule, waiting.at, also).await {
        Err(refusal) if is_final(&refusal) => {
            let tick = refused(Tick { recorded_at: now, ..waiting }, &refusal);
            cx.write(move |tx| {
                due.take(tx)?;
                settle(tx, tick)?;
                // The next one has its turn, by a timer that is not taken for this one.
                record::wake(tx, id, now.max(due.at.plus_ms(1)))
            })
            .await
        }
        done => done,
    }
}

/// Decides over a tick that waited.
///
/// Errors: `Conflict` where it waits no more, or a run began meanwhile.
fn settle(tx: &mut OrgTx<'_, '_>, tick: Tick) -> Result<()> {
    let id = tick.schedule_id;
    let waits = store::tick(tx, id, tick.at)?.is_some_and(|it| it.outcome == Outcome::Queued);
    if !waits || (tick.is_open() && store::open(tx, id)?.is_some()) {
        return Err(Error::conflict("the tick was decided meanwhile"));
    }
    tx.put(&tick)?;
    let mut schedule = store::find(tx, id)?;
    schedule.last = Some(tick.last());
    tx.put(&schedule)
}

/// The timer is of another time than the schedule: the schedule is right.
async fn rearm(cx: &Cx, due: Due, id: ScheduleId) -> Result<()> {
    let rearmed = cx.write(move |tx| {
        due.take(tx)?;
        record::arm(tx, &store::find(tx, id)?)
    });
    moved_is_done(rearmed.await)
}

/// What the timer was for is gone.
async fn drop_timer(cx: &Cx, due: Due) -> Result<()> {
    moved_is_done(cx.write(move |tx| due.take(tx)).await)
}

/// Where the timer has another time by now, somebody else did what was to be done.
fn moved_is_done(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if error.is(Code::Conflict) => Ok(()),
        done => done,
    }
}
