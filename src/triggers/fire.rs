//! From a message to a run: known already, filtered, mapped, started. What became of it is written in the transaction
//! of the run, or by itself where there is none.

use std::sync::Arc;

use super::hit::{self, Hit, Outcome};
use super::mapped;
use super::seen::{self, Mark};
use super::types::{AnswerMode, Trigger};
use crate::access::{Cx, Services};
use crate::adapters::mapping::Scope;
use crate::base::{Code, Error, ExecutionId, Json, OrgId, Result, TriggerId};
use crate::executions::{self, NewExecution, Started, TriggerKind};
use crate::infra::fault;
use crate::infra::limits::{Limiter, Rate};
use crate::infra::store::{OrgTx, Rows};
use crate::targets;

/// Refusals that are written down; what comes beyond is refused all the same.
const NOTED_PER_MINUTE: u32 = 60;
const MAX_NOTED: usize = 10_000;

/// Something that may start a run.
pub(super) struct Message {
    pub trigger: Trigger,
    pub kind: TriggerKind,
    pub about: About,
    /// What it is known by, where it may not count twice.
    pub marks: Vec<Mark>,
    pub scope: Scope,
    /// The run's input, where no mapping says otherwise.
    pub plain: Json,
}

/// What the list of hits says of it.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    pub delivery_id: Option<String>,
    pub bytes: u64,
    pub content_type: Option<String>,
    pub address: Option<String>,
}

pub(super) enum Fired {
    Started(Started),
    /// The same message was here before, and started this run.
    Again(ExecutionId),
    Filtered,
}

/// When this returns `Started`, the run is durable, and so is the memory that leads a repetition to it.
///
/// Errors: `ValidationFailed` at the filter or the mapping; those of `targets::start`.
pub(super) async fn fire(services: &Arc<Services>, org: OrgId, message: Message) -> Result<Fired> {
    let (id, about) = (message.trigger.id, message.about.clone());
    match tried(services, org, message).await {
        Err(error) => {
            refuse(services, org, id, about, error.message()).await?;
            Err(error)
        }
        fired => fired,
    }
}

async fn tried(services: &Arc<Services>, org: OrgId, message: Message) -> Result<Fired> {
    let Message { trigger, kind, about, marks, scope, plain } = message;
    let id = trigger.id;
    let first = |services: &Services| seen::first(&services.store.org(org)?, id, &marks, services.env.now());
    if let Some(run) = first(services)? {
        return again(services, org, id, about, run).await;
    }
    if !mapped::wanted(&trigger.rules, &scope)? {
        note(services, org, id, about, Outcome::Filtered, Some("the filter does not hold".to_owned()))
            .await?;
        return Ok(Fired::Filtered);
    }
    let input = mapped::input(&trigger.rules, &scope, &plain).await?;
    let wait_ms = match trigger.rules.answer {
        AnswerMode::Now => 0,
        AnswerMode::Wait => trigger.rules.wait_ms,
    };
    let cx = Cx::system(services, org, "triggers");
    let request = NewExecution { wait_ms: Some(wait_ms), ..NewExecution::of(input) };
    let by = executions::Trigger::of(kind, &cx).from_source(id);
    fault!("triggers.hit"?);
    let (held, noted, known) = (services.clone(), about.clone(), marks.clone());
    let target = trigger.target()?;
    let started = targets::start(&cx, target, by, request, move |tx, run| {
        // It may have been deleted or switched off since it was looked up.
        if !tx.get::<Trigger>(id)?.is_some_and(|it| it.enabled) {
            return Err(gone());
        }
        let now = held.env.now();
        seen::remember(tx, id, &known, run.id, (now, now.plus_ms(trigger.rules.dedupe_ms)))?;
        fault!("triggers.rows"?);
        hit::note(tx, hit_of(id, noted, Outcome::Accepted, None, Some(run.id), now))
    })
    .await;
    fault!("triggers.started"?);
    match started {
        Ok(started) => Ok(Fired::Started(started)),
        // Two of the same raced, and the other was first.
        Err(error) if error.is(Code::Conflict) => match first(services)? {
            Some(run) => again(services, org, id, about, run).await,
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// What answers at an address that is nobody's, or is switched off.
pub(super) fn gone() -> Error {
    Error::new(Code::NotFound, "nothing listens at this address")
}

async fn again(
    services: &Arc<Services>,
    org: OrgId,
    id: TriggerId,
    about: About,
    run: ExecutionId,
) -> Result<Fired> {
    let reason = Some("the same message was here before".to_owned());
    let hit = hit_of(id, about, Outcome::Deduplicated, reason, Some(run), services.env.now());
    write(services, org, hit).await?;
    Ok(Fired::Again(run))
}

/// Writes down a call that started nothing, and is no fault.
pub(super) async fn note(
    services: &Arc<Services>,
    org: OrgId,
    id: TriggerId,
    about: About,
    outcome: Outcome,
    reason: Option<String>,
) -> Result<()> {
    write(services, org, hit_of(id, about, outcome, reason, None, services.env.now())).await
}

/// How many refusals of each trigger were written down lately.
struct Noted(Limiter<TriggerId>);

impl Default for Noted {
    fn default() -> Self {
        Self(Limiter::new(Rate::per_minute(NOTED_PER_MINUTE), MAX_NOTED))
    }
}

/// Writes down a refusal, unless there were many of late: nobody shall wear out the disk with bad calls.
pub(super) async fn refuse(
    services: &Arc<Services>,
    org: OrgId,
    id: TriggerId,
    about: About,
    why: &str,
) -> Result<()> {
    if !services.kept.get::<Noted>().0.check(&id).allowed {
        return Ok(());
    }
    note(services, org, id, about, Outcome::Refused, Some(why.to_owned())).await
}

async fn write(services: &Arc<Services>, org: OrgId, hit: Hit) -> Result<()> {
    let write = move |tx: &mut OrgTx<'_, '_>| match tx.exists::<Trigger>(hit.trigger_id)? {
        true => hit::note(tx, hit),
        false => Ok(()),
    };
    services.store.write_org(org, write).await
}

fn hit_of(
    trigger_id: TriggerId,
    about: About,
    outcome: Outcome,
    reason: Option<String>,
    execution_id: Option<ExecutionId>,
    at: crate::base::Timestamp,
) -> Hit {
    let About { delivery_id, bytes, content_type, address } = about;
    Hit {
        trigger_id,
        number: 0,
        at,
        outcome,
        reason,
        execution_id,
        delivery_id,
        bytes,
        content_type,
        address,
    }
}
