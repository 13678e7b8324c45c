//! From "run this agent" to everything a run needs, on the hot path: one small row is read, and the version
//! comes decoded and with its schemas compiled out of a bounded cache.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::number::{Number, Spec};
use super::rights::{Right, access, check_scope, need};
use super::types::{Agent, Policy, Version, VersionRef};
use super::{schema, store};
use crate::access::{Action, Cx, Services};
use crate::adapters::{self, Adapter};
use crate::base::{AgentId, Code, CredentialId, Doing, Error, Json, Result, VersionId};
use crate::infra::Cache;
use crate::infra::store::{PerOrg, Rows};
use crate::stops;

/// A version, ready to run. Shared by all its runs.
pub struct Prepared {
    pub id: VersionId,
    pub agent_id: AgentId,
    pub number: Number,
    pub adapter: &'static dyn Adapter,
    pub kind: String,
    pub config: Arc<Value>,
    pub instructions: String,
    /// `None` where it takes anything.
    pub output_schema: Option<Arc<Value>>,
    pub policy: Policy,
    pub credential_ids: Vec<CredentialId>,
    input: Option<Arc<Validator>>,
    output: Option<Arc<Validator>>,
}

impl Prepared {
    /// Errors: `InvalidInput` with all that does not fit the input schema.
    pub fn check_input(&self, input: &Json) -> Result<()> {
        match &self.input {
            Some(schema) => schema::check(schema, &input.to_value(), Code::InvalidInput, "/input"),
            None => Ok(()),
        }
    }

    /// Errors: `InvalidOutput` with all that does not fit the output schema.
    pub fn check_output(&self, output: &Json) -> Result<()> {
        match &self.output {
            Some(schema) => schema::check(schema, &output.to_value(), Code::InvalidOutput, "/output"),
            None => Ok(()),
        }
    }

    pub fn checks_output(&self) -> bool {
        self.output.is_some()
    }
}

/// An agent and the version of it that is to run.
#[derive(Clone)]
pub struct Runnable {
    pub agent: Arc<Agent>,
    pub version: Arc<Prepared>,
    /// Answers say that it should no longer be used.
    pub deprecated: bool,
    /// A draft: runs in the test console only.
    pub draft: bool,
}

/// What a caller who wants to run an agent gets: may they, does it run, which version.
///
/// Errors: `AgentAccessDenied` for a key of other agents; `AgentNotFound` also for an agent that the caller may
/// not see; `InsufficientPermissions` for one that they may see but not run (or, for a draft, not write);
/// `Stopped`; `VersionConflict` for one that is disabled, archived, or has nothing published; `NotFound` for a number that
/// it has not.
pub fn resolve(cx: &Cx, rows: &impl Rows<PerOrg>, id_or_slug: &str, spec: Spec) -> Result<Runnable> {
    let agent = visible(cx, rows, Action::AgentsExecute, id_or_slug)?;
    need(cx, &agent, Right::Execute)?;
    if !agent.enabled {
        return Err(conflict("this agent is disabled").suggest("enable it"));
    }
    stops::refuse_agent(rows, agent.id)?;
    if agent.status == super::Status::Archived {
        return Err(
            conflict("this agent is archived, and runs no more").suggest("clone it, and run the clone")
        );
    }
    let wanted = match spec {
        Spec::Current => agent.current.ok_or_else(|| {
            conflict("nothing of this agent is published yet")
                .suggest("publish its draft, or try the draft in the test console (version \"draft\")")
        })?,
        Spec::Draft => agent.draft.ok_or_else(|| Error::not_found("draft of agent", &agent.slug))?,
        Spec::Exactly(number) => reference(rows, &agent, number)?,
    };
    let draft = agent.draft == Some(wanted);
    if draft {
        need(cx, &agent, Right::Write)?;
    }
    let version = prepared(cx.services(), rows, agent.id, wanted)?;
    Ok(Runnable {
        deprecated: agent.status == super::Status::Deprecated,
        agent: Arc::new(agent),
        version,
        draft,
    })
}

/// The version of work that was accepted before, whatever became of the agent's state since, unless it is stopped.
///
/// Errors: `AgentNotFound` where the agent was deleted, `Stopped`, `NotFound` where the version is not there.
pub fn accepted(
    services: &Services,
    rows: &impl Rows<PerOrg>,
    agent: AgentId,
    number: Number,
) -> Result<Runnable> {
    let agent: Agent = rows.get(agent)?.ok_or_else(|| store::missing(&agent.to_string()))?;
    stops::refuse_agent(rows, agent.id)?;
    let wanted = reference(rows, &agent, number)?;
    let version = prepared(services, rows, agent.id, wanted)?;
    let draft = agent.draft == Some(wanted);
    Ok(Runnable {
        deprecated: agent.status == super::Status::Deprecated,
        agent: Arc::new(agent),
        version,
        draft,
    })
}

/// The agent, if the caller may see it.
///
/// Errors: `AgentNotFound`, the same whether it is not there or not for the caller; `AgentAccessDenied` for a
/// key of other agents.
pub(super) fn visible(cx: &Cx, rows: &impl Rows<PerOrg>, action: Action, id_or_slug: &str) -> Result<Agent> {
    let found = store::get(rows, id_or_slug)?;
    let named = id_or_slug.parse().ok().or(found.as_ref().map(|it| it.id));
    check_scope(cx, action, named)?;
    // Who may only run an agent has to find it.
    let sees = |it: &Agent| {
        let rights = access(cx, it);
        rights.read || (action == Action::AgentsExecute && rights.execute)
    };
    found.filter(sees).ok_or_else(|| store::missing(id_or_slug))
}

/// Finds a version by its number, without reading its row where the agent's row says enough.
fn reference(rows: &impl Rows<PerOrg>, agent: &Agent, number: Number) -> Result<VersionRef> {
    if let Some(known) = [agent.current, agent.draft].into_iter().flatten().find(|it| it.number == number) {
        return Ok(known);
    }
    store::version(rows, agent.id, number)?
        .map(|it| it.reference())
        .ok_or_else(|| Error::not_found("version", number))
}

type Versions = Cache<(VersionId, u64), Prepared>;

fn prepared(
    services: &Services,
    rows: &impl Rows<PerOrg>,
    agent: AgentId,
    wanted: VersionRef,
) -> Result<Arc<Prepared>> {
    services
        .kept
        .get::<Versions>()
        .get_or((wanted.id, wanted.revision), || prepare(store::referred(rows, agent, wanted)?))
}

pub(super) fn prepare(version: Version) -> Result<Prepared> {
    let it = version.definition;
    let adapter = adapters::find(&it.agent_type)
        .ok_or_else(|| format!("there is no adapter {}", it.agent_type))
        .doing("prepare a version")?;
    let compiled = |json, at| {
        schema::of_person(json, at).map_err(|it| it.message).doing("compile the schema of a version")
    };
    let (input, output) =
        (compiled(&it.input_schema, "/input_schema")?, compiled(&it.output_schema, "/output_schema")?);
    Ok(Prepared {
        id: version.id,
        agent_id: version.agent_id,
        number: version.number,
        adapter,
        kind: it.agent_type,
        config: Arc::new(it.config.to_value()),
        instructions: it.persona,
        output_schema: output.is_some().then(|| Arc::new(it.output_schema.to_value())),
        policy: it.execution,
        credential_ids: it.credential_ids,
        input,
        output,
    })
}

fn conflict(message: &str) -> Error {
    Error::new(Code::VersionConflict, message)
}
