//! Changing agents: labels at once, the definition in a draft.

use super::super::check::{adapter_of, check_credentials, check_fallback, refuse, wrong_by_itself};
use super::super::input::{AgentPatch, AgentUpdate, patched};
use super::super::status::{Verb, step};
use super::super::types::Agent;
use super::super::valid::wrong_labels;
use super::super::view::{self, AgentView};
use super::create::check_free;
use super::{SHARE, WRITE, changing, need, put_draft, save};
use crate::access::Cx;
use crate::audit::Note;
use crate::base::{Code, Error, Invalid, Result};
use crate::infra::store::OrgTx;

/// Replaces everything that can be changed. Labels (name, description, tags, visibility …) change at once; the
/// definition goes to the draft, which is opened with the next number where there is none, so that what is
/// published stays as it is. `expected` is the revision that the caller has read.
///
/// Errors: as `create` and `find`; `PreconditionFailed`; `VersionConflict` for an archived agent.
pub async fn update(
    cx: &Cx,
    id_or_slug: &str,
    update: AgentUpdate,
    expected: Option<u64>,
) -> Result<AgentView> {
    cx.require(WRITE.0)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let agent = changing(&caller, tx, &given, WRITE, expected)?;
        apply(&caller, tx, agent, update, true)
    })
    .await
}

/// As `update`, for what `patch` names. A draft is opened only where the definition changes.
pub async fn patch(cx: &Cx, id_or_slug: &str, patch: AgentPatch, expected: Option<u64>) -> Result<AgentView> {
    cx.require(WRITE.0)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let agent = changing(&caller, tx, &given, WRITE, expected)?;
        let before = AgentUpdate::of(&agent, &view::definition(tx, &agent)?);
        let update = patched(&before, &patch.0)?;
        apply(&caller, tx, agent, update, false)
    })
    .await
}

fn apply(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    mut agent: Agent,
    update: AgentUpdate,
    always_draft: bool,
) -> Result<AgentView> {
    step(agent.status, Verb::Edit)?;
    if update.agent_type.as_ref().is_some_and(|it| *it != agent.agent_type) {
        let message = "the type of an agent stays as it is; create another agent".to_owned();
        let wrong = Invalid { path: "/agent_type".into(), message };
        return Err(Error::invalid_fields(Code::InvalidAgentConfig, vec![wrong]));
    }
    let adapter = adapter_of(&agent.agent_type)?;
    let definition = update.definition(&agent.agent_type);
    refuse(wrong_labels(&update), wrong_by_itself(adapter, &definition)?)?;
    check_credentials(tx, adapter, &definition.credential_ids)?;
    check_fallback(cx, tx, Some(agent.id), &definition)?;
    check_free(tx, &update.name, Some(agent.id))?;
    if update.visibility != agent.visibility {
        need(cx, &agent, SHARE.1)?;
    }
    let mut note = Note::of("agent.update", "agent", agent.id).with("changed", changed(&agent, &update));
    let differs = view::definition(tx, &agent)? != definition;
    take_labels(&mut agent, update);
    if differs || (always_draft && agent.draft.is_none()) {
        let draft = put_draft(cx, tx, &mut agent, definition.clone())?;
        note = note.with("version", draft.number.to_string());
    }
    save(cx, tx, &mut agent)?;
    cx.note(tx, note)?;
    AgentView::of(tx, agent, definition, cx.now())
}

fn take_labels(agent: &mut Agent, update: AgentUpdate) {
    agent.name = update.name.trim().to_owned();
    agent.description = update.description;
    agent.capabilities = update.capabilities;
    agent.tags = update.tags;
    agent.trigger_mode = update.trigger_mode;
    agent.visibility = update.visibility;
    agent.metadata = update.metadata;
}

/// Names of the labels that change; never their content.
fn changed(agent: &Agent, update: &AgentUpdate) -> Vec<&'static str> {
    [
        ("name", agent.name != update.name.trim()),
        ("description", agent.description != update.description),
        ("capabilities", agent.capabilities != update.capabilities),
        ("tags", agent.tags != update.tags),
        ("trigger_mode", agent.trigger_mode != update.trigger_mode),
        ("visibility", agent.visibility != update.visibility),
        ("metadata", agent.metadata != update.metadata),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
