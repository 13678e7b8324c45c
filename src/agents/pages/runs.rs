//! The runs of one agent.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::executions::{self, ExecutionFilter, ExecutionView};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/executions", show)
            .needs(Action::ExecutionsRead)
            .of("agent")
            .query::<RunsQuery>()
            .says("The runs of an agent, newest first")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct RunsQuery {
    cursor: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "agents/runs.html")]
struct Runs {
    frame: Frame,
    head: Head,
    runs: Vec<ExecutionView>,
    next_href: String,
    first_href: String,
    now: Timestamp,
}

/// `GET /agents/{agent}/executions`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<RunsQuery>) -> Reply<Html> {
    let head = Head::of(&cx, agent_of(&request)?, "/executions")?;
    let filter = ExecutionFilter { agent: Some(head.agent.id), ..ExecutionFilter::default() };
    let cursor = query.0.cursor;
    let page = executions::list(&cx, &filter, &PageRequest::parse(None, cursor.as_deref())?)?;
    let own = format!("{}/executions", head.place);
    render(Runs {
        frame: framing.frame(head.title("Executions"))?,
        next_href: page.next_cursor.map(|it| href(&own, [("cursor", it.as_str())])).unwrap_or_default(),
        first_href: if cursor.is_some() { own } else { String::new() },
        runs: page.items,
        now: cx.now(),
        head,
    })
}
