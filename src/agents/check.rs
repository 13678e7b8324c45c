//! Whether a definition would work: its type, its config, its schemas, its credentials, the agents it names.

use super::rights::{Right, access};
use super::schema;
use super::types::Definition;
use super::valid::wrong_definition;
use crate::access::Cx;
use crate::adapters::{self, Adapter};
use crate::base::{AgentId, Code, CredentialId, Error, Invalid, Result};
use crate::connections;
use crate::infra::store::{PerOrg, Rows};

/// The adapter of a type.
///
/// Errors: `InvalidAgentConfig` that lists the types there are.
pub(super) fn adapter_of(agent_type: &str) -> Result<&'static dyn Adapter> {
    adapters::find(agent_type).ok_or_else(|| {
        let known: Vec<_> = adapters::all().iter().map(|it| it.kind()).collect();
        let message = format!("an agent type is one of {}", known.join(", "));
        Error::invalid_fields(Code::InvalidAgentConfig, vec![Invalid { path: "/agent_type".into(), message }])
    })
}

/// Everything about `definition` that can be said without its surroundings.
///
/// Errors: only ours; what is wrong with the definition is in the answer.
pub(super) fn wrong_by_itself(adapter: &dyn Adapter, definition: &Definition) -> Result<Vec<Invalid>> {
    let mut wrong = wrong_definition(definition);
    for (json, at) in
        [(&definition.input_schema, "/input_schema"), (&definition.output_schema, "/output_schema")]
    {
        wrong.extend(schema::of_person(json, at).err());
    }
    if wrong.iter().any(|it| it.path == "/config") {
        return Ok(wrong);
    }
    let config = definition.config.to_value();
    let by_schema = schema::wrong_config(adapter, &config)?;
    if by_schema.is_empty() {
        wrong.extend(
            adapter
                .check(&config)
                .into_iter()
                .map(|it| Invalid { path: format!("/config{}", it.path), message: it.message }),
        );
    }
    wrong.extend(by_schema);
    Ok(wrong)
}

/// Errors: `InvalidAgentConfig` with every wrong field where the definition is wrong, `ValidationFailed` where
/// only labels are.
pub(super) fn refuse(labels: Vec<Invalid>, definition: Vec<Invalid>) -> Result<()> {
    let code = match (labels.is_empty(), definition.is_empty()) {
        (true, true) => return Ok(()),
        (_, false) => Code::InvalidAgentConfig,
        (false, true) => Code::ValidationFailed,
    };
    Err(Error::invalid_fields(code, labels.into_iter().chain(definition).collect()))
}

/// Errors: `CredentialInvalid` for a credential that is not there, or that agents of this type cannot use.
pub(super) fn check_credentials(
    rows: &impl Rows<PerOrg>,
    adapter: &dyn Adapter,
    ids: &[CredentialId],
) -> Result<()> {
    if ids.is_empty() || !adapter.credential_kinds().is_empty() {
        return connections::check(rows, adapter.credential_kinds(), ids);
    }
    let message = format!("agents of the type {} take no credentials", adapter.kind());
    Err(Error::invalid_fields(
        Code::CredentialInvalid,
        vec![Invalid { path: "/credential_ids/0".into(), message }],
    ))
}

/// Errors: `VisibilityViolation` for a fallback that the caller may not run, or that is not there; the same
/// answer for both. `InvalidAgentConfig` for an agent that falls back on itself.
pub(super) fn check_fallback(
    cx: &Cx,
    rows: &impl Rows<PerOrg>,
    own: Option<AgentId>,
    definition: &Definition,
) -> Result<()> {
    const AT: &str = "/execution/fallback_agent_id";
    let Some(id) = definition.execution.fallback_agent_id else { return Ok(()) };
    if own == Some(id) {
        let message = "an agent cannot fall back on itself".to_owned();
        return Err(Error::invalid_fields(
            Code::InvalidAgentConfig,
            vec![Invalid { path: AT.into(), message }],
        ));
    }
    let fallback: Option<super::Agent> = rows.get(id)?;
    if fallback.is_some_and(|it| access(cx, &it).has(Right::Execute)) {
        return Ok(());
    }
    Err(Error::new(
        Code::VisibilityViolation,
        "there is no agent to fall back on with this id that you may run",
    )
    .at(AT, "this is an agent that you may run"))
}
