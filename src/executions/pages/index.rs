//! The list of runs, kept current while it is looked at.

use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{self, Action, Cx};
use crate::agents::{self, AgentFilter, Sort};
use crate::base::{AgentId, Error, Micros, PageRequest, Result, Timestamp, WorkflowId};
use crate::engine::Status;
use crate::executions::list::{ExecutionFilter, list};
use crate::executions::runner_of;
use crate::executions::store::feed_table;
use crate::executions::types::ExecutionView;
use crate::web::view::{UNKNOWN, count, href, money};
use crate::web::{Frame, Framing, Html, Query, Reply, Route, SseAnswer, live_part, moment, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/executions", index)
            .needs(Action::ExecutionsRead)
            .query::<Filters>()
            .says("Runs, newest first")
            .answers_plain(200, "The page.", HTML),
        Route::get("/executions/stream", stream)
            .needs(Action::ExecutionsRead)
            .query::<Filters>()
            .says("The list of runs, sent anew as runs begin and end")
            .answers_plain(200, "Parts of the page.", "text/event-stream"),
    ]
}

/// As the address has them; what is empty does not narrow.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(super) struct Filters {
    #[serde(default)]
    status: String,
    /// Id or slug.
    #[serde(default)]
    agent: String,
    /// Id of a batch.
    #[serde(default)]
    batch: String,
    /// `1h`, `24h`, `7d`, `30d`: as far back from now.
    #[serde(default)]
    within: String,
    /// Accepted at or after; UTC.
    #[serde(default)]
    from: String,
    /// Accepted before; UTC.
    #[serde(default)]
    to: String,
    /// An id, or words in input, output or error.
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

const WITHIN: &[(&str, &str, u64)] = &[
    ("1h", "Last hour", 3_600_000),
    ("24h", "Last 24 hours", 86_400_000),
    ("7d", "Last 7 days", 7 * 86_400_000),
    ("30d", "Last 30 days", 30 * 86_400_000),
];

/// Stands among the statuses: what ended badly, and nobody has tried again.
const DEAD: &str = "dead";

const STATUSES: &[(&str, &str)] = &[
    ("running", "Running"),
    ("pending", "Pending"),
    ("waiting", "Waiting"),
    ("completed", "Completed"),
    ("failed", "Failed"),
    ("timeout", "Timed out"),
    ("cancelled", "Cancelled"),
    (DEAD, "Dead letters"),
];

impl Filters {
    pub(super) fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("agent", &self.agent),
            ("batch", &self.batch),
            ("within", &self.within),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn narrows(&self) -> bool {
        self.pairs().iter().any(|it| !it.1.trim().is_empty())
    }

    /// Errors: `ValidationFailed` for a status or a time that is none, `AgentNotFound`.
    pub(super) fn read(&self, cx: &Cx) -> Result<ExecutionFilter> {
        let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
        let back = WITHIN.iter().find(|it| it.0 == self.within).map(|it| cx.now().minus_ms(it.2));
        Ok(ExecutionFilter {
            agent: given(&self.agent).map(|it| agents::find(cx, &it).map(|it| it.id)).transpose()?,
            workflow: None,
            status: given(&self.status).filter(|it| it != DEAD).map(|it| status_of(&it)).transpose()?,
            session: None,
            batch: given(&self.batch).map(|it| it.parse()).transpose()?,
            dead: self.status == DEAD,
            from: given(&self.from).map(|it| moment("from", &it)).transpose()?.max(back),
            to: given(&self.to).map(|it| moment("to", &it)).transpose()?,
            q: given(&self.q),
        })
    }
}

fn status_of(word: &str) -> Result<Status> {
    serde_json::from_value(word.into())
        .map_err(|_| Error::invalid_at("status", "a status is one of the list, such as failed"))
}

#[derive(Template)]
#[template(path = "executions/index.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    agents: Vec<(String, String)>,
    statuses: &'static [(&'static str, &'static str)],
    within: Vec<(&'static str, &'static str)>,
    clear_href: &'static str,
    /// What can be done with all that fit: label, address, icon.
    bulk: Vec<(&'static str, String, &'static str)>,
    stream_href: String,
    rows: Rows,
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "executions/_rows.html")]
struct Rows {
    rows: Vec<Row>,
    narrowed: bool,
    first_href: String,
    next_href: String,
    now: Timestamp,
}

impl HtmlSafe for Rows {}

/// One run in a list.
pub(super) struct Row {
    href: String,
    id: String,
    agent: String,
    version: String,
    status: String,
    by: String,
    said: String,
    duration_ms: Option<u64>,
    /// Empty before the end, and where nothing was used.
    tokens: String,
    cost: String,
    created_at: Timestamp,
}

/// `GET /executions`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    let filters = query.0;
    let is_first = filters.cursor.is_empty();
    let mut frame = framing.frame("Executions")?;
    frame.live = is_first;
    render(Index {
        frame,
        rows: rows(&cx, &filters)?,
        agents: choices(&cx)?,
        statuses: STATUSES,
        within: WITHIN.iter().map(|it| (it.0, it.1)).collect(),
        clear_href: if filters.narrows() { "/executions" } else { "" },
        bulk: bulk(&cx, &filters),
        stream_href: if is_first { href("/executions/stream", filters.pairs()) } else { String::new() },
        filters,
    })
}

/// What can be done with all runs that fit, where they are narrowed at all.
fn bulk(cx: &Cx, filters: &Filters) -> Vec<(&'static str, String, &'static str)> {
    let to = |action: &str| href("/executions/bulk", filters.pairs().into_iter().chain([("action", action)]));
    let open = ["", "pending", "running", "waiting"].contains(&filters.status.as_str());
    let closed = ["", "failed", "timeout", "cancelled", DEAD].contains(&filters.status.as_str());
    let mut acts = Vec::new();
    if filters.narrows() && closed && cx.may(Action::ExecutionsRetry) {
        acts.push(("Retry all that fit", to("retry"), "retry"));
    }
    if filters.narrows() && open && cx.may(Action::ExecutionsCancel) {
        acts.push(("Cancel all that fit", to("cancel"), "stop"));
    }
    acts
}

/// `GET /executions/stream`
async fn stream(cx: Cx, query: Query<Filters>) -> Reply<SseAnswer> {
    let filters = query.0;
    // What is wrong with the filters is said now, not in the stream.
    filters.read(&cx)?;
    Ok(live_part(&cx, feed_table(), move |cx| Ok(render(rows(cx, &filters)?)?.0)))
}

fn rows(cx: &Cx, filters: &Filters) -> Result<Rows> {
    let page = PageRequest::parse(None, Some(&filters.cursor))?;
    let found = list(cx, &filters.read(cx)?, &page)?;
    let mut names = Names::new(cx);
    let rows = found.items.into_iter().map(|it| names.row(it)).collect::<Result<_>>()?;
    let next = found.next_cursor.unwrap_or_default();
    let next = [("cursor", next.as_str())];
    Ok(Rows {
        rows,
        narrowed: filters.narrows(),
        first_href: if filters.cursor.is_empty() {
            String::new()
        } else {
            href("/executions", filters.pairs())
        },
        next_href: match next[0].1 {
            "" => String::new(),
            _ => href("/executions", filters.pairs().into_iter().chain(next)),
        },
        now: cx.now(),
    })
}

/// Slug and name of the agents to choose from.
fn choices(cx: &Cx) -> Result<Vec<(String, String)>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let found = agents::list(cx, &filter, &PageRequest::first(200))?;
    Ok(found.items.into_iter().map(|it| (it.slug, it.name)).collect())
}

/// Names of agents and people, each looked up once.
struct Names<'a> {
    cx: &'a Cx,
    runners: HashMap<(Option<AgentId>, Option<WorkflowId>), String>,
    actors: HashMap<String, String>,
}

impl<'a> Names<'a> {
    fn new(cx: &'a Cx) -> Self {
        Self { cx, runners: HashMap::new(), actors: HashMap::new() }
    }

    fn runner(&mut self, agent: Option<AgentId>, workflow: Option<WorkflowId>) -> Result<String> {
        if let Some(name) = self.runners.get(&(agent, workflow)) {
            return Ok(name.clone());
        }
        let name = runner_of(self.cx, &self.cx.read()?, agent, workflow)?.name;
        self.runners.insert((agent, workflow), name.clone());
        Ok(name)
    }

    fn actor(&mut self, actor: &str) -> Result<String> {
        if let Some(name) = self.actors.get(actor) {
            return Ok(name.clone());
        }
        let name = access::called(self.cx, actor)?;
        self.actors.insert(actor.to_owned(), name.clone());
        Ok(name)
    }

    fn row(&mut self, it: ExecutionView) -> Result<Row> {
        let has_ended = it.status.has_ended();
        let tokens = it.usage.input_tokens.zip(it.usage.output_tokens).map(|it| it.0 + it.1);
        let price = |micros| money(Micros(micros), "USD");
        Ok(Row {
            href: format!("/executions/{}", it.id),
            id: it.id.to_string(),
            agent: self.runner(it.agent_id, it.workflow_id)?,
            version: version_of(&it),
            status: status_word(it.status),
            by: self.actor(&it.trigger.actor)?,
            said: it.error.map(|it| it.message).unwrap_or_default(),
            duration_ms: it.completed_at.is_some().then_some(it.usage.duration_ms),
            tokens: if has_ended { figure(tokens, count) } else { String::new() },
            cost: if has_ended { figure(it.usage.cost_micros, price) } else { String::new() },
            created_at: it.created_at,
        })
    }
}

/// Nothing for zero, a word for what nobody knows.
fn figure<T: Default + PartialEq>(known: Option<T>, say: impl Fn(T) -> String) -> String {
    match known {
        None => UNKNOWN.to_lowercase(),
        Some(it) if it == T::default() => String::new(),
        Some(it) => say(it),
    }
}

/// The agent's version or the workflow's revision.
pub(super) fn version_of(run: &ExecutionView) -> String {
    let revision = || run.workflow_revision.map(|it| it.to_string());
    run.agent_version.clone().or_else(revision).unwrap_or_default()
}

pub(super) fn status_word(status: Status) -> String {
    serde_json::to_value(status).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}
