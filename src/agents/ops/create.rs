//! Making agents: new ones, and copies.

use super::super::check::{adapter_of, check_credentials, check_fallback, refuse, wrong_by_itself};
use super::super::input::{AgentUpdate, NewAgent};
use super::super::number::Number;
use super::super::status::Status;
use super::super::store::{self, BY_NAME, BY_SLUG};
use super::super::types::{Agent, Definition, Health, Visibility};
use super::super::valid::{MAX_NAME_CHARS, RESERVED_SLUGS, check_name, check_slug, wrong_labels};
use super::super::view::{self, AgentView};
use super::{new_version, resolve};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{AgentId, Code, Error, Id, Result, slug_of};
use crate::infra::store::{Key, OrgTx, PerOrg, Rows};

/// Makes an agent with its draft 1.0.0, owned by the caller.
///
/// Errors: `InvalidAgentConfig`, `ValidationFailed`, `CredentialInvalid`, `VisibilityViolation` (fallback),
/// `DuplicateAgentName`, `AgentCreationFailed` for a slug that is taken, `OrganizationLimitExceeded`.
pub async fn create(cx: &Cx, new: NewAgent) -> Result<AgentView> {
    cx.require(Action::AgentsWrite)?;
    let (slug, agent_type, update) = new.split();
    let adapter = adapter_of(&agent_type)?;
    let definition = update.definition(&agent_type);
    refuse(wrong_labels(&update), wrong_by_itself(adapter, &definition)?)?;
    slug.as_deref().map_or(Ok(()), check_slug)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        check_credentials(tx, adapter, &definition.credential_ids)?;
        check_fallback(&caller, tx, None, &definition)?;
        let agent = make(&caller, tx, slug, update, definition.clone())?;
        let note = Note::of("agent.create", "agent", agent.id).with("name", agent.name.as_str());
        caller.note(tx, note.with("agent_type", agent.agent_type.as_str()))?;
        AgentView::of(tx, agent, definition, caller.now())
    })
    .await
}

/// Makes a private draft of the caller's own out of what an agent's answers show. Nobody it was shared with
/// comes along.
///
/// Errors: as `find` and `create`.
pub async fn clone_agent(cx: &Cx, id_or_slug: &str, name: Option<String>) -> Result<AgentView> {
    cx.require(Action::AgentsWrite)?;
    name.as_deref().map_or(Ok(()), check_name)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let original = resolve::visible(&caller, tx, Action::AgentsRead, &given)?;
        let definition = view::definition(tx, &original)?;
        check_fallback(&caller, tx, None, &definition)?;
        let mut update = AgentUpdate::of(&original, &definition);
        update.visibility = Visibility::Private;
        update.name = match name {
            Some(name) => name,
            None => free_name(tx, &original.name)?,
        };
        let agent = make(&caller, tx, None, update, definition.clone())?;
        let note = Note::of("agent.clone", "agent", agent.id).with("name", agent.name.as_str());
        caller.note(tx, note.with("from", original.id.to_string()))?;
        AgentView::of(tx, agent, definition, caller.now())
    })
    .await
}

/// `Name (copy)`, `Name (copy 2)` …
pub(super) fn free_name(rows: &impl Rows<PerOrg>, name: &str) -> Result<String> {
    for n in 1..=1_000 {
        let tail = if n == 1 { " (copy)".to_owned() } else { format!(" (copy {n})") };
        let kept: String = name.chars().take(MAX_NAME_CHARS - tail.len()).collect();
        let candidate = format!("{}{tail}", kept.trim_end());
        if !is_taken(rows, &candidate, None)? {
            return Ok(candidate);
        }
    }
    Err(Error::new(Code::AgentCreationFailed, "there are a thousand copies of this agent; name this one"))
}

fn make(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    slug: Option<String>,
    update: AgentUpdate,
    definition: Definition,
) -> Result<Agent> {
    check_count(cx, tx)?;
    let name = update.name.trim().to_owned();
    check_free(tx, &name, None)?;
    let id: AgentId = cx.id();
    let slug = free_slug(tx, slug, &name, id)?;
    let version = new_version(cx, id, Number::FIRST, definition);
    tx.insert(&version)?;
    let agent = Agent {
        id,
        slug,
        name,
        description: update.description,
        agent_type: version.definition.agent_type.clone(),
        capabilities: update.capabilities,
        tags: update.tags,
        trigger_mode: update.trigger_mode,
        visibility: update.visibility,
        grants: Vec::new(),
        status: Status::Draft,
        enabled: true,
        health: Health::Unknown,
        owner_id: cx.user_id(),
        metadata: update.metadata,
        current: None,
        draft: Some(version.reference()),
        newest: Number::FIRST,
        revision: 0,
        created_at: version.created_at,
        updated_at: version.created_at,
    };
    tx.insert(&agent)?;
    Ok(agent)
}

fn check_count(cx: &Cx, tx: &mut OrgTx<'_, '_>) -> Result<()> {
    let limit = cx.services().config.limits.agents_per_org as u64;
    let agents = store::count(tx, 1)?;
    if agents <= limit {
        return Ok(());
    }
    let used = serde_json::json!({ "resource": "agents", "used": agents - 1, "limit": limit });
    Err(Error::new(Code::OrganizationLimitExceeded, format!("an organization has at most {limit} agents"))
        .detail("resource_usage", used)
        .suggest("delete agents that nobody uses"))
}

/// Errors: `DuplicateAgentName` where an agent other than `own` has the name.
pub(super) fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<AgentId>) -> Result<()> {
    if !is_taken(rows, name, own)? {
        return Ok(());
    }
    Err(Error::new(Code::DuplicateAgentName, "an agent of this organization has this name already")
        .at("/name", "take another name"))
}

fn is_taken(rows: &impl Rows<PerOrg>, name: &str, own: Option<AgentId>) -> Result<bool> {
    let holder: Option<Agent> = rows.by_index(BY_NAME, Key::new().text(&store::name_key(name)))?;
    Ok(holder.is_some_and(|it| Some(it.id) != own))
}

/// The slug that was asked for, or one made of the name: as it is, then numbered, then with a part of the id,
/// which nobody else has.
fn free_slug(rows: &impl Rows<PerOrg>, asked: Option<String>, name: &str, id: AgentId) -> Result<String> {
    let is_free =
        |slug: &str| Ok::<_, Error>(rows.by_index::<Agent>(BY_SLUG, Key::new().text(slug))?.is_none());
    if let Some(slug) = asked {
        return match is_free(&slug)? {
            true => Ok(slug),
            false => Err(Error::new(Code::AgentCreationFailed, format!("the slug {slug} is taken"))
                .at("/slug", "take another slug, or leave it out")),
        };
    }
    let base = slug_of(name);
    if !RESERVED_SLUGS.contains(&base.as_str()) && is_free(&base)? {
        return Ok(base);
    }
    for n in 2..10 {
        let slug = format!("{base}-{n}");
        if is_free(&slug)? {
            return Ok(slug);
        }
    }
    let tail: String = id.bytes()[10..].iter().map(|it| format!("{it:02x}")).collect();
    Ok(format!("{base}-{tail}"))
}
