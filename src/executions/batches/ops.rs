//! What can be done with batches.

use std::time::Duration;

use super::estimate::{Estimate, ahead, mean_of, of_batch};
use super::input::{MAX_INPUTS, NewBatch, refused};
use super::row::{BY_AGENT, Batch, BatchView, Ended, Unpriced};
use crate::access::{Action, Cx};
use crate::agents::{self, Runnable, Spec};
use crate::audit::Note;
use crate::base::{AgentId, BatchId, Code, Error, ExecutionId, Invalid, Page, PageRequest, Result};
use crate::executions::callback;
use crate::executions::ops::{Planned, accept_all, cancel_all, check};
use crate::executions::runner::Runner;
use crate::executions::store::BY_BATCH;
use crate::executions::types::{BatchPlace, Execution, NewExecution, Trigger, TriggerKind};
use crate::infra::store::{Key, Order, PerOrg, Rows, View, WriteOptions, WriteTx};

const MAX_NAME_CHARS: usize = 120;
/// Columns that results are shown with.
const MAX_FIELDS: usize = 50;
const MINUTE: Duration = Duration::from_secs(60);

/// A batch that was accepted, with its runs in the order of the inputs.
pub struct BatchStarted {
    pub id: BatchId,
    pub executions: Vec<ExecutionId>,
}

/// What a batch would be.
pub struct Checked {
    pub agent_id: AgentId,
    pub count: usize,
    pub estimate: Estimate,
}

/// Checks all of a batch, and says what it would take.
///
/// Errors: those of `start`.
pub fn check_batch(cx: &Cx, agent: &str, new: &NewBatch) -> Result<Checked> {
    let runnable = checked(cx, agent, new)?;
    cx.services().engine.check_room_for(cx.org(), new.inputs.len())?;
    let rows = cx.read()?;
    let (agent_id, count) = (runnable.agent.id, new.inputs.len());
    let mean = mean_of(&rows, agent_id, cx.now())?;
    let at_once = most_at_once(cx, runnable.version.policy.max_concurrency);
    Ok(Checked { agent_id, count, estimate: ahead(mean, count as u64, at_once) })
}

/// Accepts every input as a run of its own, in one commit; or none. Runs of an agent with a rate begin spread
/// over the time that the rate asks for.
///
/// Errors: those of `agents::resolve`; `InvalidInput` with every line that does not fit; `ValidationFailed` for
/// the other fields; `EgressDenied` for an address that is closed; `ResourceExhausted` where the queue has no room for
/// all; `Unavailable` while draining.
pub async fn start(cx: &Cx, agent: &str, mut new: NewBatch) -> Result<BatchStarted> {
    if let Some(twin) = twin(cx)? {
        return Ok(twin);
    }
    if let Some(address) = &mut new.callback_url {
        *address = callback::check(&cx.services().egress, address)?;
    }
    let runnable = checked(cx, agent, &new)?;
    let id: BatchId = cx.id();
    let batch = Batch {
        id,
        agent_id: runnable.agent.id,
        agent_version: runnable.version.number.to_string(),
        name: new.name.trim().to_owned(),
        actor: cx.actor().to_string(),
        metadata: new.metadata.clone(),
        priority: new.priority.unwrap_or(0),
        fields: fields_of(&new),
        total: u32::try_from(new.inputs.len()).unwrap_or(u32::MAX),
        ended: Ended::default(),
        cost_micros: 0,
        unpriced: Unpriced::default(),
        duration_sum_ms: 0,
        created_at: cx.now(),
        completed_at: None,
    };
    let planned = planned(cx, runnable, id, new)?;
    let executions: Vec<ExecutionId> = planned.iter().map(|it| it.execution.id).collect();
    cx.idempotent_resource("batch", id);
    let noting = cx.clone();
    let accepted = accept_all(cx, planned, move |tx| {
        let note = Note::of("batch.start", "batch", id).with("agent_id", batch.agent_id.to_string());
        noting.note(tx, note.with("runs", batch.total.to_string()))?;
        tx.insert(&batch)
    });
    match accepted.await {
        Ok(()) => Ok(BatchStarted { id, executions }),
        Err(error) if error.is(Code::Conflict) => twin(cx)?.ok_or(error),
        Err(error) => Err(error),
    }
}

/// What an earlier request with the same `Idempotency-Key` started.
fn twin(cx: &Cx) -> Result<Option<BatchStarted>> {
    let Some(id) = cx.idempotent_twin("batch")? else { return Ok(None) };
    let id: BatchId = id.parse()?;
    let mut executions = Vec::new();
    cx.read()?.scan_index::<Execution>(BY_BATCH, Key::of(id), Order::Oldest, |it| {
        executions.push(it.id);
        Ok(true)
    })?;
    Ok(Some(BatchStarted { id, executions }))
}

fn checked(cx: &Cx, agent: &str, new: &NewBatch) -> Result<Runnable> {
    if new.inputs.is_empty() || new.inputs.len() > MAX_INPUTS {
        return Err(Error::invalid_at("inputs", format!("a batch has 1 to {MAX_INPUTS} inputs")));
    }
    if new.name.chars().count() > MAX_NAME_CHARS {
        return Err(Error::invalid_at("name", format!("has at most {MAX_NAME_CHARS} characters")));
    }
    let spec = new.version.as_deref().map_or(Ok(Spec::Current), str::parse)?;
    let runnable = agents::resolve(cx, &cx.read()?, agent, spec)?;
    check(&one_of(new, crate::base::Json::null()))?;
    let mut wrong = Vec::new();
    for (index, input) in new.inputs.iter().enumerate() {
        let Err(error) = runnable.version.check_input(input) else { continue };
        let place = new.place(index);
        wrong.extend(error.invalid_list().iter().map(|it| Invalid {
            path: format!("{}{}", place.path, it.path.strip_prefix("/input").unwrap_or(&it.path)),
            message: format!("{}: {}", place.words, it.message),
        }));
    }
    if wrong.is_empty() { Ok(runnable) } else { Err(refused(wrong)) }
}

fn one_of(new: &NewBatch, input: crate::base::Json) -> NewExecution {
    NewExecution {
        priority: new.priority,
        metadata: new.metadata.clone(),
        callback_url: new.callback_url.clone(),
        ..NewExecution::of(input)
    }
}

fn planned(cx: &Cx, runnable: Runnable, id: BatchId, mut new: NewBatch) -> Result<Vec<Planned>> {
    let apart_ms = runnable
        .version
        .policy
        .rate_limit_per_minute
        .map_or(0.0, |rate| MINUTE.as_millis() as f64 / f64::from(rate.max(1)));
    let inputs = std::mem::take(&mut new.inputs);
    let runner = Runner::Agent(runnable);
    let plan = |(input, line): (_, u32)| {
        let trigger = Trigger::of(TriggerKind::Batch, cx).from_source(id);
        let mut execution = runner.execution(cx, trigger, one_of(&new, input));
        execution.batch = Some(BatchPlace { id, line });
        let wait_ms = (apart_ms * f64::from(line - 1)) as u64;
        let task = runner.task(cx, &execution)?.pausing(wait_ms, cx.now());
        let plan = runner.budgets(cx, &execution)?;
        Ok(Planned { execution, task, plan })
    };
    inputs.into_iter().zip(1..).map(plan).collect()
}

/// The names of the fields that the inputs have, where all of them are objects.
fn fields_of(new: &NewBatch) -> Vec<String> {
    let mut fields = Vec::new();
    for input in &new.inputs {
        let serde_json::Value::Object(input) = input.to_value() else { return Vec::new() };
        for name in input.into_iter().map(|it| it.0) {
            if !fields.contains(&name) && fields.len() < MAX_FIELDS {
                fields.push(name);
            }
        }
    }
    fields
}

/// Errors: `NotFound`, the same for one that is not there and one of an agent that the caller may not see.
pub(super) fn visible(cx: &Cx, rows: &View<PerOrg>, id: BatchId) -> Result<Batch> {
    cx.require(Action::ExecutionsRead)?;
    let missing = || Error::not_found("batch", id);
    let batch: Batch = rows.get(id)?.ok_or_else(missing)?;
    if agents::may_see_runs(cx, rows, batch.agent_id)? { Ok(batch) } else { Err(missing()) }
}

/// One batch as it stands.
pub fn find(cx: &Cx, id: BatchId) -> Result<BatchView> {
    let rows = cx.read()?;
    let batch = visible(cx, &rows, id)?;
    view(cx, &rows, batch)
}

/// Batches of agents that the caller may see, newest first.
pub fn list(cx: &Cx, agent: Option<AgentId>, page: &PageRequest) -> Result<Page<BatchView>> {
    cx.require(Action::ExecutionsRead)?;
    let rows = cx.read()?;
    let (index, prefix) = agent.map_or((0, Key::new()), |it| (BY_AGENT, Key::of(it)));
    let sees = |it: &Batch| agents::may_see_runs(cx, &rows, it.agent_id).unwrap_or(false);
    let (found, next) = rows.page::<Batch>(index, prefix, Order::Newest, page, sees)?;
    let views = found.into_iter().map(|it| view(cx, &rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// Ends all runs of a batch that have not ended. When this returns they have.
pub async fn cancel(cx: &Cx, id: BatchId) -> Result<BatchView> {
    cx.require(Action::ExecutionsCancel)?;
    let rows = cx.read()?;
    visible(cx, &rows, id)?;
    let mut open = Vec::new();
    rows.scan_index::<Execution>(BY_BATCH, Key::of(id), Order::Oldest, |it| {
        if !it.status.has_ended() {
            open.push(it.id);
        }
        Ok(true)
    })?;
    if !open.is_empty() {
        let (noting, count) = (cx.clone(), open.len());
        let noted = move |tx: &mut WriteTx<'_>| {
            let mut tx = tx.org(noting.org());
            noting.note(&mut tx, Note::of("batch.cancel", "batch", id).with("runs", count.to_string()))?;
            noting.claim(&mut tx)
        };
        cx.services().store.write_with(WriteOptions { essential: true }, noted).await?;
        cancel_all(cx, &open, None).await?;
    }
    find(cx, id)
}

fn view(cx: &Cx, rows: &View<PerOrg>, batch: Batch) -> Result<BatchView> {
    let version = batch.agent_version.parse().ok();
    // An agent that is gone has no limit of its own any more.
    let runnable = version.and_then(|it| agents::accepted(cx.services(), rows, batch.agent_id, it).ok());
    let at_once = most_at_once(cx, runnable.and_then(|it| it.version.policy.max_concurrency));
    let estimate = of_batch(rows, &batch, at_once, cx.now())?;
    Ok(batch.view(estimate))
}

/// How many runs of an agent with this limit may be at work at a time.
fn most_at_once(cx: &Cx, limit: Option<u32>) -> u64 {
    let most = cx.services().config.engine.max_running_per_org as u64;
    limit.map_or(most, |it| u64::from(it).min(most))
}
