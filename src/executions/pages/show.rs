//! One run.

use std::str::FromStr;

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::callback::{CallbackPart, callback_part};
use super::curl::curl;
use super::index::version_of;
use super::live::live_run;
use super::run::{RunPart, run_part};
use crate::access::{self, Action, Cx};
use crate::base::{ExecutionId, Result, Timestamp};
use crate::executions::ops::find;
use crate::executions::types::{ExecutionView, Trigger, TriggerKind};
use crate::executions::{batches, runner_of};
use crate::web::view::{JsonView, href};
use crate::web::{Frame, Framing, Html, Query, Reply, Route, SseAnswer, part, render};
use crate::{schedules, triggers};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/executions/{execution}", show)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .query::<Shown>()
            .says("One run: steps, input, output, log")
            .answers_plain(200, "The page.", HTML),
        Route::get("/executions/{execution}/stream", stream)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .query::<Shown>()
            .says("The run's page as it goes on")
            .answers_plain(200, "Parts of the page.", "text/event-stream"),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Shown {
    /// Log lines of this level and above.
    #[serde(default)]
    level: String,
}

#[derive(Template)]
#[template(path = "executions/show.html")]
struct Show {
    frame: Frame,
    id: String,
    /// What kind of thing ran.
    runner: &'static str,
    agent: String,
    agent_href: String,
    version: String,
    by: String,
    came_by: &'static str,
    /// The run that this one repeats.
    came_href: String,
    session_id: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    now: Timestamp,
    input: JsonView,
    metadata: Option<JsonView>,
    /// Empty where the runner is gone.
    curl: String,
    stream_href: String,
    callback: Option<CallbackPart>,
    run: RunPart,
}

/// `GET /executions/{execution}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<Shown>) -> Reply<Html> {
    let run = find(&cx, part(&request, "execution")?)?;
    render(page_of(&cx, &framing, run, &query.0.level)?)
}

/// `GET /executions/{execution}/stream`
async fn stream(cx: Cx, request: HttpRequest, query: Query<Shown>) -> Reply<SseAnswer> {
    live_run(&cx, part::<ExecutionId>(&request, "execution")?, query.0.level)
}

/// Where that is shown which the run came from; empty where that is gone, or not the caller's to see.
fn came_href(cx: &Cx, trigger: &Trigger) -> String {
    if let Some(first) = trigger.retry_of {
        return find(cx, first).map_or(String::new(), |it| format!("/executions/{}", it.id));
    }
    let Some(source) = &trigger.source else { return String::new() };
    match trigger.kind {
        TriggerKind::Schedule if seen(source, |id| schedules::find(cx, id)) => format!("/schedules/{source}"),
        TriggerKind::Hook | TriggerKind::Event if seen(source, |id| triggers::find(cx, id)) => {
            format!("/triggers/{source}")
        }
        TriggerKind::Batch if seen(source, |id| batches::find(cx, id)) => format!("/batches/{source}"),
        _ => String::new(),
    }
}

fn seen<I: FromStr, T>(id: &str, find: impl FnOnce(I) -> Result<T>) -> bool {
    id.parse().is_ok_and(|id| find(id).is_ok())
}

fn page_of(cx: &Cx, framing: &Framing, run: ExecutionView, level: &str) -> Result<Show> {
    let runner = runner_of(cx, &cx.read()?, run.agent_id, run.workflow_id)?;
    let mut frame = framing.frame(format!("Run of {}", runner.name))?;
    let changing = run_part(cx, run.id, level)?;
    frame.live = !changing.has_ended;
    let server = cx.services().config.public_url();
    let stream_path = format!("/executions/{}/stream", run.id);
    Ok(Show {
        frame,
        id: run.id.to_string(),
        runner: if run.workflow_id.is_some() { "Chain" } else { "Agent" },
        agent_href: runner.path.clone().unwrap_or_default(),
        agent: runner.name,
        by: access::called(cx, &run.trigger.actor)?,
        came_by: match run.trigger.kind {
            TriggerKind::Api => "Interface for programs",
            TriggerKind::Console => "Console in the browser",
            TriggerKind::Retry => "Retry of another run",
            TriggerKind::Demo => "Demonstration",
            TriggerKind::Schedule => "Schedule",
            TriggerKind::Hook => "Inbound hook",
            TriggerKind::Event => "Named event",
            TriggerKind::Batch => "Batch of inputs",
        },
        came_href: came_href(cx, &run.trigger),
        session_id: run.session_id.clone().unwrap_or_default(),
        created_at: run.created_at,
        started_at: run.started_at,
        completed_at: run.completed_at,
        now: cx.now(),
        input: JsonView::new("Input", &run.input.to_value()),
        metadata: run.metadata.as_ref().map(|it| JsonView::new("Metadata", &it.to_value())),
        curl: runner.path.map(|it| curl(&server, &run, &it)).unwrap_or_default(),
        stream_href: if changing.has_ended { String::new() } else { href(&stream_path, [("level", level)]) },
        callback: callback_part(cx, run.id)?,
        version: version_of(&run),
        run: changing,
    })
}
