//! Looking whether an agent would work: the checks, and a probe of the far end.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::super::check::{adapter_of, check_credentials, check_fallback, wrong_by_itself};
use super::super::health::assess;
use super::super::input::NewAgent;
use super::super::number::{Number, Spec};
use super::super::resolve::{Prepared, prepare};
use super::super::types::{Health, HealthCheck, HealthLog};
use super::super::valid::{check_slug, wrong_labels};
use super::super::view::HealthView;
use super::create::check_free;
use super::{Definition, Version, new_version, resolve, store};
use crate::access::{Action, Cx};
use crate::adapters::{Adapter, Call, Callback, Callbacks, Check, Probe};
use crate::audit::Note;
use crate::base::{AgentId, Error, Id, Invalid, Json, Result};
use crate::connections::{self, Opened, Use};
use crate::infra::egress::Caller;
use crate::infra::store::{PerOrg, Rows};

/// A probe that has said nothing by then has failed.
const PROBE_TIME: Duration = Duration::from_secs(15);
const KEPT_CHECKS: usize = 20;

/// What a check without saving found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AgentValidation")]
pub struct Validation {
    /// Whether it could be created as it is.
    pub valid: bool,
    pub validation_errors: Vec<Invalid>,
    /// What the far end said; `null` where the config is not good enough to ask.
    pub probe: Option<Probe>,
}

/// The whole check of a new agent without saving it: fields, schemas, credentials, reachability.
///
/// Errors: those of the caller's rights; what is wrong with the agent is in the answer.
pub async fn validate(cx: &Cx, new: NewAgent) -> Result<Validation> {
    cx.require(Action::AgentsTest)?;
    let (slug, agent_type, update) = new.split();
    let mut wrong = wrong_labels(&update);
    wrong.extend(slug.and_then(|it| check_slug(&it).err()).iter().flat_map(told));
    let definition = update.definition(&agent_type);
    let adapter = match adapter_of(&agent_type) {
        Ok(adapter) => adapter,
        Err(error) => {
            wrong.extend(told(&error));
            return Ok(Validation { valid: false, validation_errors: wrong, probe: None });
        }
    };
    let by_itself = wrong_by_itself(adapter, &definition)?;
    let can_ask = by_itself.is_empty();
    wrong.extend(by_itself);
    wrong.extend(wrong_here(cx, &cx.read()?, adapter, &definition, &update.name)?);
    let probe = match can_ask {
        true => {
            let version = new_version(cx, AgentId::from_bytes([0; 16]), Number::FIRST, definition);
            Some(probe_of(cx, None, &prepare(version)?).await)
        }
        false => None,
    };
    Ok(Validation { valid: wrong.is_empty(), validation_errors: wrong, probe })
}

/// What does not fit the organization as it is: a name that is taken, credentials, a fallback.
fn wrong_here(
    cx: &Cx,
    rows: &impl Rows<PerOrg>,
    adapter: &dyn Adapter,
    definition: &Definition,
    name: &str,
) -> Result<Vec<Invalid>> {
    let found = [
        check_free(rows, name, None),
        check_credentials(rows, adapter, &definition.credential_ids),
        check_fallback(cx, rows, None, definition),
    ];
    let mut wrong = Vec::new();
    for error in found.into_iter().filter_map(Result::err) {
        if error.is(crate::base::Code::Internal) {
            return Err(error);
        }
        wrong.extend(told(&error));
    }
    Ok(wrong)
}

fn told(error: &Error) -> Vec<Invalid> {
    error.invalid_list().to_vec()
}

/// Asks the far end of an agent whether it answers and accepts the credentials, and keeps what was found as
/// the agent's health, until runs say otherwise. Asks with the draft where there is one and nothing else was said.
///
/// Errors: as `find`; `NotFound` for a version that is not there.
pub async fn test(cx: &Cx, id_or_slug: &str, spec: Option<Spec>) -> Result<Probe> {
    cx.require(Action::AgentsTest)?;
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    super::need(cx, &agent, super::Right::Execute)?;
    let number = match spec {
        Some(Spec::Exactly(number)) => Some(number),
        Some(Spec::Current) => agent.current.map(|it| it.number),
        Some(Spec::Draft) => agent.draft.map(|it| it.number),
        None => agent.shown().map(|it| it.number),
    };
    let version = number.map(|it| store::version(&rows, agent.id, it)).transpose()?.flatten();
    let missing = || Error::not_found("version", spec.unwrap_or(Spec::Draft));
    let version: Version = version.ok_or_else(missing)?;
    drop(rows);
    let prepared = prepare(version)?;
    let probe = probe_of(cx, Some(agent.id), &prepared).await;
    record(cx, agent.id, prepared.number, probe.clone()).await?;
    Ok(probe)
}

/// Keeps what a probe found. An agent that was deleted meanwhile has no health any more.
async fn record(cx: &Cx, id: AgentId, version: Number, probe: Probe) -> Result<()> {
    let caller = cx.clone();
    cx.write(move |tx| {
        let Some(mut agent) = tx.get::<super::Agent>(id)? else { return Ok(()) };
        let health = if probe.ok { Health::Healthy } else { Health::Unhealthy };
        let mut log: HealthLog =
            tx.get(id)?.unwrap_or_else(|| HealthLog { agent_id: id, checks: Vec::new() });
        let note = Note::of("agent.test", "agent", id).with("ok", probe.ok);
        log.checks.insert(0, HealthCheck { at: caller.now(), health, version, probe });
        log.checks.truncate(KEPT_CHECKS);
        tx.put(&log)?;
        if agent.health != health {
            // No change of the agent itself: its revision stays, and with it what others are about to save.
            agent.health = health;
            tx.put(&agent)?;
        }
        caller.note(tx, note)
    })
    .await
}

/// Health, and what led to it. Errors: as `find`.
pub fn health(cx: &Cx, id_or_slug: &str) -> Result<HealthView> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    let checks = rows.get::<HealthLog>(agent.id)?.map(|it| it.checks).unwrap_or_default();
    let checked_at = checks.first().map(|it| it.at);
    let (health, recent_runs) = assess(&rows, &agent, cx.now())?;
    Ok(HealthView { agent_id: agent.id, health, recent_runs, checked_at, checks })
}

async fn probe_of(cx: &Cx, agent: Option<AgentId>, version: &Prepared) -> Probe {
    let stop = CancellationToken::new();
    let _stops_at_the_end = stop.clone().drop_guard();
    let timeout = PROBE_TIME.min(Duration::from_millis(version.policy.timeout_ms));
    let why = Use { purpose: "probe", actor: cx.actor().clone(), agent, execution: None };
    let mut opened = match connections::open(cx.services(), cx.org(), &version.credential_ids, why).await {
        Ok(opened) => opened,
        Err(error) => return unopened(&error),
    };
    let call = Call {
        config: version.config.clone(),
        instructions: version.instructions.clone(),
        output_schema: version.output_schema.clone(),
        ..call_of(cx, agent, "probe", timeout, stop, &mut opened)
    };
    match tokio::time::timeout(timeout, version.adapter.probe(&call)).await {
        Ok(probe) => without_echo(probe, &opened),
        Err(_) => silent(timeout),
    }
}

/// A call that asks something and does no work, for what the caller may do. It takes the credentials with it.
pub(super) fn call_of(
    cx: &Cx,
    agent: Option<AgentId>,
    purpose: &'static str,
    timeout: Duration,
    stop: CancellationToken,
    opened: &mut Opened,
) -> Call {
    Call {
        config: Arc::default(),
        input: Json::of(&serde_json::json!({})),
        instructions: String::new(),
        output_schema: None,
        idempotency_key: format!("{purpose}-{}", cx.id::<crate::base::RequestId>()),
        session_id: None,
        history: Vec::new(),
        attempt: 1,
        timeout,
        traceparent: None,
        credentials: std::mem::take(&mut opened.credentials),
        egress: cx.services().egress.clone(),
        caller: Caller { org: cx.org(), agent, purpose },
        callbacks: Arc::new(NoCallbacks),
        seat: Arc::default(),
        stop,
    }
}

/// What a far end says back of the credentials is not for the eyes of those who asked.
fn without_echo(mut probe: Probe, opened: &Opened) -> Probe {
    probe.detail = opened.clean(probe.detail);
    for check in &mut probe.checks {
        check.detail = opened.clean(std::mem::take(&mut check.detail));
    }
    probe
}

fn unopened(error: &Error) -> Probe {
    let check = Check {
        name: "credentials".to_owned(),
        ok: false,
        duration_ms: 0,
        detail: error.message().to_owned(),
        remedy: error.suggestions().first().cloned().or_else(|| Some("see to the credential".to_owned())),
    };
    Probe { ok: false, latency_ms: 0, detail: check.detail.clone(), checks: vec![check] }
}

fn silent(timeout: Duration) -> Probe {
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let detail = format!("nothing was heard within {ms} ms");
    let check = Check {
        name: "answer".to_owned(),
        ok: false,
        duration_ms: ms,
        detail: detail.clone(),
        remedy: Some("see whether the far end runs, and whether this server may reach it".to_owned()),
    };
    Probe { ok: false, latency_ms: ms, detail, checks: vec![check] }
}

/// A probe waits for no answer that comes later.
struct NoCallbacks;

impl Callbacks for NoCallbacks {
    fn open(&self) -> Result<Callback, Error> {
        Err(Error::unavailable("a probe takes no late answer"))
    }
}
