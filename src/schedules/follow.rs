//! What schedules have to do with others' affairs: ends of runs, agents that go, clocks that were set back.

use std::sync::Arc;

use super::fire::Scheduler;
use super::types::{Schedule, Tick};
use super::{record, store};
use crate::access::{self, Services};
use crate::agents::DeleteGuards;
use crate::base::{Doing, Error, OrgId, Result, ScheduleId, Timestamp};
use crate::engine::TimerKind;
use crate::executions::{Execution, Listener, Listeners, TriggerKind};
use crate::infra::store::{Key, Order, OrgTx, Rows};
use crate::targets::Target;
use crate::workflows;

/// Takes part from now on: fires ticks, hears of ends, speaks where agents go.
pub fn start(services: &Arc<Services>) {
    let scheduler = Arc::new(Scheduler::new(services));
    services.timers.register(TimerKind::Schedule, scheduler.clone());
    services.timers.register(TimerKind::ScheduleQueue, scheduler);
    services.kept.get::<Listeners>().add(Arc::new(RunEnds));
    services
        .kept
        .get::<DeleteGuards>()
        .add(|tx, it| refuse_while_scheduled(tx, Target::Agent(it.id), "agent"));
    let chains = services.kept.get::<workflows::DeleteGuards>();
    chains.add(|tx, it| refuse_while_scheduled(tx, Target::Chain(it.id), "chain"));
}

/// Tells a tick how its run ended, and lets the next one begin that waits.
struct RunEnds;

impl Listener for RunEnds {
    fn ended(&self, tx: &mut OrgTx<'_, '_>, execution: &Execution) -> Result<()> {
        if execution.trigger.kind != TriggerKind::Schedule {
            return Ok(());
        }
        let Some(tick) = store::of_run(tx, execution.id)? else { return Ok(()) };
        let id = tick.schedule_id;
        tx.put(&Tick { status: Some(execution.status), ..tick })?;
        if let Some(mut schedule) = tx.get::<Schedule>(id)?
            && let Some(last) = schedule.last.as_mut().filter(|it| it.execution_id == Some(execution.id))
        {
            last.status = Some(execution.status);
            tx.put(&schedule)?;
        }
        if !store::queued(tx, id, 1)?.is_empty() {
            record::wake(tx, id, execution.completed_at.unwrap_or(execution.created_at))?;
        }
        Ok(())
    }
}

/// Errors: `Conflict` that names them, while schedules run it.
fn refuse_while_scheduled(tx: &mut OrgTx<'_, '_>, target: Target, kind: &str) -> Result<()> {
    let schedules = store::of_target(tx, target)?;
    let names: Vec<&str> = schedules.iter().take(3).map(|it| it.name.as_str()).collect();
    let ids: Vec<String> = schedules.iter().map(|it| it.id.to_string()).collect();
    let more = match schedules.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.as_slice() {
        [] => Ok(()),
        names => Err(Error::conflict(format!("schedules run this {kind}: {}{more}", names.join(", ")))
            .detail("schedule_ids", ids)
            .suggest(format!("delete these schedules first, or let them run another {kind}"))),
    }
}

/// Looks for schedules whose next tick lies beyond one that did not run yet, because the clock was far ahead for
/// a while, and brings them back. No tick runs a second time.
pub async fn catch_up_with_clock(services: &Arc<Services>) -> Result<()> {
    for org in access::every_org(services)? {
        let now = services.env.now();
        let looking = services.clone();
        let strayed = tokio::task::spawn_blocking(move || strayed(&looking, org, now));
        for id in strayed.await.doing("look for schedules that strayed")?? {
            services.store.write_org(org, move |tx| bring_back(tx, id, now)).await?;
        }
    }
    Ok(())
}

fn strayed(services: &Services, org: OrgId, now: Timestamp) -> Result<Vec<ScheduleId>> {
    let mut found = Vec::new();
    let rows = services.store.org(org)?;
    rows.scan(Key::new(), Order::Oldest, |it: Schedule| {
        if let Some(next) = it.next_at
            && next > now
            && it.timetable()?.next_after(now).is_some_and(|first| first < next)
        {
            found.push(it.id);
        }
        Ok(true)
    })?;
    Ok(found)
}

fn bring_back(tx: &mut OrgTx<'_, '_>, id: ScheduleId, now: Timestamp) -> Result<()> {
    let Some(mut schedule) = tx.get::<Schedule>(id)? else { return Ok(()) };
    let Some(next) = schedule.next_at else { return Ok(()) };
    let first = record::first_open(tx, &schedule, &schedule.timetable()?, now)?;
    if first.is_some_and(|it| it < next) {
        schedule.next_at = first;
        record::arm(tx, &schedule)?;
        tx.put(&schedule)?;
        tracing::warn!(schedule.id = %id, "the clock went back: schedule {id} goes on from it");
    }
    Ok(())
}
