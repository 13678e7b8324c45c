//! Reading agents.

use super::super::filter::{AgentFilter, Sort};
use super::super::health::assess;
use super::super::resolve;
use super::super::rights::access;
use super::super::store::{self, BY_CAPABILITY, BY_NAME, BY_STATUS, BY_TAG, BY_TYPE, BY_UPDATED};
use super::super::types::{Agent, Gone};
use super::super::view::AgentView;
use crate::access::{Action, Cx};
use crate::base::{AgentId, Page, PageRequest, Result, Timestamp};
use crate::infra::store::{Key, Order, PerOrg, Rows};

/// Errors: `AgentNotFound`, byte for byte the same for an agent that is not there and for one that the caller
/// may not see; `AgentAccessDenied` for a key of other agents.
pub fn find(cx: &Cx, id_or_slug: &str) -> Result<Agent> {
    resolve::visible(cx, &cx.read()?, Action::AgentsRead, id_or_slug)
}

/// As `find`, in the form that answers show.
pub fn view(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    AgentView::read(&rows, agent, cx.now())
}

/// As `view`, with the revision for a change that must not meet another one.
pub fn seen(cx: &Cx, id_or_slug: &str) -> Result<(AgentView, u64)> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    let revision = agent.revision;
    Ok((AgentView::read(&rows, agent, cx.now())?, revision))
}

/// The agents that the caller may see and `filter` keeps.
pub fn list(cx: &Cx, filter: &AgentFilter, page: &PageRequest) -> Result<Page<AgentView>> {
    cx.require(Action::AgentsRead)?;
    let rows = cx.read()?;
    let (index, prefix, order) = walk(filter);
    let needle = filter.q.as_ref().map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty());
    let (now, mut failed) = (cx.now(), None);
    let (agents, next) = rows.page(index, prefix, order, page, |agent: &Agent| {
        filter.keeps(agent, needle.as_deref())
            && access(cx, agent).read
            && has_health(&rows, filter, agent, now).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let items = agents.into_iter().map(|it| AgentView::read(&rows, it, now)).collect::<Result<_>>()?;
    Ok(Page::new(items, next))
}

fn has_health(rows: &impl Rows<PerOrg>, filter: &AgentFilter, agent: &Agent, now: Timestamp) -> Result<bool> {
    let Some(wanted) = filter.health else { return Ok(true) };
    Ok(assess(rows, agent, now)?.0 == wanted)
}

/// The narrowest index that comes in the order asked for.
fn walk(filter: &AgentFilter) -> (u8, Key, Order) {
    let order = match filter.sort {
        Sort::Newest => Order::Newest,
        Sort::Oldest => Order::Oldest,
        Sort::Name => return (BY_NAME, Key::new(), Order::Oldest),
        Sort::NameDown => return (BY_NAME, Key::new(), Order::Newest),
        Sort::LastChanged => return (BY_UPDATED, Key::new(), Order::Newest),
        Sort::FirstChanged => return (BY_UPDATED, Key::new(), Order::Oldest),
    };
    let (index, prefix) = match filter {
        AgentFilter { tag: Some(tag), .. } => (BY_TAG, Key::new().text(tag)),
        AgentFilter { capability: Some(it), .. } => (BY_CAPABILITY, Key::new().text(it)),
        AgentFilter { agent_type: Some(it), .. } => (BY_TYPE, Key::new().text(it)),
        AgentFilter { status: Some(it), .. } => (BY_STATUS, Key::new().text(it.name())),
        _ => (0, Key::new()),
    };
    (index, prefix, order)
}

/// The agent itself, whoever asks: for parts of the program that have decided already.
pub fn by_id(rows: &impl Rows<PerOrg>, id: AgentId) -> Result<Option<Agent>> {
    rows.get(id)
}

/// Whether the caller may see what an agent did: who sees the agent, also after it was deleted.
pub fn may_see_runs(cx: &Cx, rows: &impl Rows<PerOrg>, id: AgentId) -> Result<bool> {
    let agent = by_id(rows, id)?.map_or_else(|| gone(rows, id), |it| Ok(Some(it)))?;
    Ok(agent.is_some_and(|it| access(cx, &it).read))
}

fn gone(rows: &impl Rows<PerOrg>, id: AgentId) -> Result<Option<Agent>> {
    Ok(rows.get::<Gone>(id)?.map(|it| it.agent))
}

/// What lists of other things show of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentName {
    pub name: String,
    pub slug: String,
    pub agent_type: String,
    pub deleted: bool,
}

impl AgentName {
    fn of(agent: Agent, deleted: bool) -> Self {
        Self { name: agent.name, slug: agent.slug, agent_type: agent.agent_type, deleted }
    }
}

/// Who an id or a slug names, whoever asks; by its id also one that was deleted.
pub fn id_of(rows: &impl Rows<PerOrg>, id_or_slug: &str) -> Result<Option<AgentId>> {
    if let Some(agent) = store::get(rows, id_or_slug)? {
        return Ok(Some(agent.id));
    }
    let Ok(id) = id_or_slug.parse() else { return Ok(None) };
    Ok(gone(rows, id)?.map(|_| id))
}

/// Also of an agent that was deleted.
pub fn name_of(rows: &impl Rows<PerOrg>, id: AgentId) -> Result<Option<AgentName>> {
    match by_id(rows, id)? {
        Some(agent) => Ok(Some(AgentName::of(agent, false))),
        None => Ok(gone(rows, id)?.map(|it| AgentName::of(it, true))),
    }
}
