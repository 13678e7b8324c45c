//! What can be done with sessions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::busy::{check_id, open_runs};
use super::row::{BY_AGENT, BY_USE, Session, SessionView};
use super::words::first_words;
use crate::access::{Action, Cx};
use crate::agents;
use crate::audit::Note;
use crate::base::{AgentId, Error, Json, OrNull, Page, PageRequest, Result, SessionId};
use crate::executions::store::BY_SESSION;
use crate::executions::types::{Execution, check_metadata};
use crate::infra::store::{Key, Order, PerOrg, Rows, View};

const MAX_TITLE_CHARS: usize = 120;

/// A session before its first run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Id or slug.
    pub agent_id: String,
    /// 1 to 200 characters of your own, unique in the organization; left out: one is made.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    /// An object of your own.
    #[serde(default)]
    pub metadata: Option<Json>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionUpdate {
    pub title: OrNull<String>,
    /// An object of your own.
    pub metadata: OrNull<Json>,
}

#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub agent: Option<AgentId>,
}

/// Begins a session. Errors: those of `agents::find`; `Conflict` where there is one of that id; `ValidationFailed`.
pub async fn create(cx: &Cx, new: NewSession) -> Result<SessionView> {
    cx.require(Action::AgentsExecute)?;
    let agent = agents::find(cx, &new.agent_id)?.id;
    check(new.title.as_deref(), new.metadata.as_ref())?;
    let id = match new.id {
        Some(it) => {
            check_id("id", &it)?;
            it
        }
        None => cx.id::<SessionId>().to_string(),
    };
    let session = Session {
        id,
        agent_id: Some(agent),
        title: new.title.filter(|it| !it.is_empty()),
        metadata: new.metadata,
        actor: cx.actor().to_string(),
        created_at: cx.now(),
        used_at: cx.now(),
    };
    let (noting, made) = (cx.clone(), session.clone());
    cx.write(move |tx| {
        if tx.get::<Session>(Key::new().text(&made.id))?.is_some() {
            return Err(Error::conflict(format!(
                "there is a session {} already; leave the id out, and one is made",
                made.id
            )));
        }
        noting.note(
            tx,
            Note::of("conversation.create", "conversation", &made.id).with("agent_id", agent.to_string()),
        )?;
        tx.insert(&made)
    })
    .await?;
    Ok(session.view(None, Vec::new()))
}

/// Names a session anew.
pub async fn update(cx: &Cx, id: &str, update: SessionUpdate) -> Result<SessionView> {
    cx.require(Action::AgentsExecute)?;
    let (title, metadata) = (update.title.0.filter(|it| !it.is_empty()), update.metadata.0);
    check(title.as_deref(), metadata.as_ref())?;
    session_of(cx, &cx.read()?, id)?;
    let (noting, key) = (cx.clone(), id.to_owned());
    cx.write(move |tx| {
        let session = tx.get::<Session>(Key::new().text(&key))?;
        let session = session.ok_or_else(|| Error::not_found("session", &key))?;
        noting.note(tx, Note::of("conversation.update", "conversation", &key))?;
        tx.put(&Session { title, metadata, ..session })
    })
    .await?;
    find(cx, id)
}

/// One session. Errors: `NotFound`, the same for one that the caller may not see.
pub fn find(cx: &Cx, id: &str) -> Result<SessionView> {
    let rows = cx.read()?;
    let session = session_of(cx, &rows, id)?;
    view(&rows, session)
}

/// Sessions that the caller may see, the last used first.
pub fn list(cx: &Cx, filter: &SessionFilter, page: &PageRequest) -> Result<Page<SessionView>> {
    cx.require(Action::ExecutionsRead)?;
    let rows = cx.read()?;
    let (index, prefix) = match filter.agent {
        Some(agent) => (BY_AGENT, Key::of(agent)),
        None => (BY_USE, Key::new()),
    };
    let mut failed = None;
    let keep = |it: &Session| {
        sees(cx, &rows, it).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    };
    let (found, next) = rows.page::<Session>(index, prefix, Order::Newest, page, keep)?;
    if let Some(error) = failed {
        return Err(error);
    }
    let views = found.into_iter().map(|it| view(&rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

pub(super) fn session_of(cx: &Cx, rows: &View<PerOrg>, id: &str) -> Result<Session> {
    cx.require(Action::ExecutionsRead)?;
    let missing = || Error::not_found("session", id);
    let session: Session = rows.get(Key::new().text(id))?.ok_or_else(missing)?;
    if sees(cx, rows, &session)? { Ok(session) } else { Err(missing()) }
}

/// Who may see the agent's runs; where it was begun with a chain, its runs say for themselves who may see them.
fn sees(cx: &Cx, rows: &View<PerOrg>, session: &Session) -> Result<bool> {
    session.agent_id.map_or(Ok(true), |agent| agents::may_see_runs(cx, rows, agent))
}

fn view(rows: &View<PerOrg>, session: Session) -> Result<SessionView> {
    let open = open_runs(rows, &session.id)?.into_iter().map(|it| it.id).collect();
    let mut first = None;
    rows.scan_index::<Execution>(BY_SESSION, Key::new().text(&session.id), Order::Oldest, |run| {
        first = (!run.undone).then(|| first_words(&run.input));
        Ok(run.undone)
    })?;
    Ok(session.view(first, open))
}

fn check(title: Option<&str>, metadata: Option<&Json>) -> Result<()> {
    if title.is_some_and(|it| it.chars().count() > MAX_TITLE_CHARS) {
        return Err(Error::invalid_at("title", format!("has at most {MAX_TITLE_CHARS} characters")));
    }
    check_metadata(metadata)
}
