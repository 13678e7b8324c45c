//! Running a schedule now, without waiting for its tick.

use super::super::fire::request_of;
use super::super::types::{Outcome, Tick, TickKind};
use super::super::{record, store};
use super::visible;
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Json, Result, ScheduleId};
use crate::executions::{ExecutionView, Trigger, TriggerKind};
use crate::targets;

/// Runs it once, also while it is switched off or a run of it is under way. `input` stands for its own. When
/// this returns, the run survives a crash.
///
/// Errors: `NotFound`; those of `targets::start`.
pub async fn run(cx: &Cx, id: ScheduleId, input: Option<Json>) -> Result<ExecutionView> {
    cx.require(Action::SchedulesRun)?;
    let schedule = visible(cx, &cx.read()?, id)?;
    let now = cx.now();
    let mut request = request_of(&schedule, now);
    if let Some(input) = input {
        request.input = input;
    }
    let trigger = Trigger::of(TriggerKind::Schedule, cx).from_source(id);
    let caller = cx.clone();
    let started = targets::start(cx, schedule.target, trigger, request, move |tx, execution| {
        let mut schedule = store::find(tx, id)?;
        let mut at = now;
        while store::manual(tx, id, at)?.is_some() {
            at = at.plus_ms(1);
        }
        let tick = Tick {
            kind: TickKind::Manual,
            execution_id: Some(execution.id),
            actor: Some(caller.actor().to_string()),
            ..Tick::due(&schedule, at, Outcome::Fired, now)
        };
        record::keep(tx, &mut schedule, &tick)?;
        tx.put(&schedule)?;
        let note = Note::of("schedule.run", "schedule", id);
        caller.note(tx, note.with("execution_id", execution.id.to_string()))
    });
    started.await?.wait().await
}
