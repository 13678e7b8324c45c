//! The work that the simulated engine does, and what the far end sees of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use reeve::base::{Code, Env, ExecutionId, Json, Result, Timestamp};
use reeve::engine::{Due, End, EventKind, Failure, Fire, Repeat, Run, Task, Timer, TimerKind, Verdict, Work};
use reeve::infra::store::{OrgTx, Row as _, Rows, Store};
use serde_json::json;

use super::life::{Bug, LIMITS};
use super::rows::{Kept, Tick};
use super::world::{Plan, Series, World};
use crate::support::dice::Dice;

/// The engine's patience with an attempt that is to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

pub(super) struct Labour {
    pub world: Arc<World>,
    pub dice: Mutex<Dice>,
    pub env: Env,
    pub bug: Bug,
}

impl Labour {
    fn pause(&self, most_ms: usize) -> Duration {
        Duration::from_millis(self.dice.lock().below(most_ms) as u64)
    }

    /// The far end is reached: from here on, a repetition is seen there.
    fn reach(&self, task: &Task) {
        self.world.change(task.id, |job| job.reached += 1);
        let Some(job) = self.world.job(task.id) else { return };
        if job.once && job.reached > 1 {
            self.world
                .wrong(format!("D4: {} may run once and reached the far end {} times", task.id, job.reached));
        }
    }

    /// Hears nothing of what goes on, and wakes when nobody waits any more, or in the moment before.
    async fn stall(&self, run: &Run) {
        run.stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE - self.pause(2)).await;
    }

    async fn steps(&self, task: &Task, run: &Run, count: u32, stalls: bool) -> Verdict {
        let Ok(history) = run.history(|it| it.kind == EventKind::StepCompleted) else {
            return Verdict::Stopped;
        };
        let done = u32::try_from(history.len()).unwrap_or(0);
        let done = if self.bug == Bug::ForgetsHistory { 0 } else { done };
        for step in done..count {
            if self.world.job(task.id).is_some_and(|it| it.recorded.contains(&step)) {
                self.world.wrong(format!("D3: step {step} of {} ran again after its record", task.id));
            }
            if stalls && self.dice.lock().percent(20) {
                self.stall(run).await;
            } else {
                tokio::time::sleep(self.pause(400)).await;
            }
            let id = task.id;
            let pay = move |tx: &mut OrgTx<'_, '_>| {
                let Some(mut kept) = tx.get::<Kept>(id)? else { return Ok(()) };
                kept.paid += 1;
                tx.put(&kept)
            };
            let data = Json::of(&json!({ "step": step, "attempt": task.attempts }));
            let written = if self.bug == Bug::PaysApart {
                run.note(EventKind::StepCompleted, data);
                tokio::time::sleep(self.pause(40)).await;
                run.record(EventKind::Log, Json::of(&json!({})), pay).await
            } else {
                run.record(EventKind::StepCompleted, data, pay).await
            };
            if written.is_err() {
                return Verdict::Stopped;
            }
            self.world.change(task.id, |job| {
                job.recorded.insert(step);
            });
            if step % 2 == 1 && step + 1 < count {
                let at = self.env.now().plus_ms(self.pause(3_000).as_millis() as u64);
                return Verdict::Later { at };
            }
        }
        Verdict::Done(Json::of(&json!({ "steps": count })))
    }

    async fn attempt_inner(&self, task: &Task, run: &Run) -> Verdict {
        let Some(job) = self.world.job(task.id) else { return Verdict::Stopped };
        self.world.change(task.id, |job| job.attempts += 1);
        let failed =
            |retriable| Verdict::Failed(Failure { retriable, ..Failure::new(Code::ExecutionFailed, "no") });
        match job.plan {
            Plan::Steps { count } => return self.steps(task, run, count, false).await,
            Plan::Stalls { count } => return self.steps(task, run, count, true).await,
            Plan::Hangs => {
                self.reach(task);
                run.stop.cancelled().await;
                return Verdict::Stopped;
            }
            _ => {}
        }
        run.text("some ");
        tokio::time::sleep(self.pause(50)).await;
        self.reach(task);
        match job.plan {
            Plan::Done { after_ms } => {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                run.text("text");
                Verdict::Done(Json::of(&json!({})))
            }
            Plan::Flaky { failures } if task.attempts <= failures => failed(true),
            Plan::Flaky { .. } => Verdict::Done(Json::of(&json!({}))),
            Plan::Panics => panic!("as planned"),
            _ => failed(false),
        }
    }
}

/// Leaves also where the attempt is dropped.
struct AtWork<'a>(&'a World, &'a Task);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.leaves(self.1.org, self.1.lane);
    }
}

#[async_trait]
impl Work for Labour {
    async fn attempt(&self, task: &Task, run: &Run) -> Verdict {
        let (all, of_org, of_lane) = self.world.enters(task.org, task.lane);
        let _at_work = AtWork(&self.world, task);
        let limits = LIMITS;
        if all > limits.max_running
            || of_org > limits.max_running_per_org
            || of_lane > task.lane_limit as usize
        {
            self.world
                .wrong(format!("D16: {all} at work, {of_org} of the organization, {of_lane} of the lane"));
        }
        self.attempt_inner(task, run).await
    }

    fn began(&self, tx: &mut OrgTx<'_, '_>, id: ExecutionId, _: Timestamp) -> Result<()> {
        let Some(mut kept) = tx.get::<Kept>(id)? else { return Ok(()) };
        kept.began += 1;
        tx.put(&kept)
    }

    fn ended(&self, tx: &mut OrgTx<'_, '_>, task: &Task, end: &End) -> Result<()> {
        let Some(mut kept) = tx.get::<Kept>(task.id)? else { return Ok(()) };
        if kept.status.is_some_and(|it| it != end.status) {
            self.world.wrong(format!("D6: {} was {:?} and became {:?}", task.id, kept.status, end.status));
        }
        kept.ends += 1;
        kept.status = Some(end.status);
        tx.put(&kept)
    }

    fn settled(&self, _: ExecutionId) {}
}

/// Records the ticks of series of timers.
pub(super) struct Ticker {
    pub world: Arc<World>,
    pub store: Store,
    pub env: Env,
    pub series: Vec<Series>,
    pub bug: Bug,
}

#[async_trait]
impl Fire for Ticker {
    async fn fire(&self, due: Due) -> Result<()> {
        if due.at > self.env.now() {
            self.world.wrong(format!("D8: a tick of {:?} fired before its time", due.at));
        }
        let Some(series) = self.series.iter().find(|it| it.subject == due.subject).copied() else {
            return Ok(());
        };
        let record = move |tx: &mut OrgTx<'_, '_>| {
            let earlier = tx.get::<Tick>(Tick { subject: due.subject, at: due.at, fired: 0 }.key())?;
            tx.put(&Tick { subject: due.subject, at: due.at, fired: earlier.map_or(0, |it| it.fired) + 1 })
        };
        let turn = move |tx: &mut OrgTx<'_, '_>| {
            due.take(tx)?;
            Timer::set(tx, TimerKind::Schedule, due.subject, due.at.plus_ms(series.period_ms))
        };
        if self.bug == Bug::TicksApart {
            self.store.write_org(due.org, record).await?;
            return self.store.write_org(due.org, turn).await;
        }
        let both = move |tx: &mut OrgTx<'_, '_>| {
            turn(tx)?;
            record(tx)
        };
        self.store.write_org(due.org, both).await
    }
}

pub(super) fn repeat(once: bool) -> Repeat {
    if once { Repeat::AtMostOnce } else { Repeat::AtLeastOnce }
}
