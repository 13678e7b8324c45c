//! Batches: the list, and one as it goes on, with its results.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use askama::filters::HtmlSafe;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{self, Action, Cx};
use crate::base::{BatchId, PageRequest, Result, Timestamp};
use crate::executions::batches::{self, BatchResult, BatchView, TableFormat, feed_table};
use crate::executions::list::ExecutionFilter;
use crate::executions::ops::{self, BulkAction, VersionChoice};
use crate::executions::runner_of;
use crate::web::view::{count, duration, href, known_cost};
use crate::web::{
    Flash, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, SseAnswer, download, live_part, part,
    render,
};

/// Lines of results on a page.
const SHOWN: usize = 100;
/// Characters of an input or output in a row.
const CELL: usize = 160;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/batches", index)
            .needs(Action::ExecutionsRead)
            .query::<At>()
            .says("Batches, newest first")
            .answers_plain(200, "The page.", HTML),
        Route::get("/batches/{batch}", show)
            .needs(Action::ExecutionsRead)
            .of("batch")
            .query::<At>()
            .says("One batch: how far it is, and what came of each line")
            .answers_plain(200, "The page.", HTML),
        Route::get("/batches/{batch}/stream", stream)
            .needs(Action::ExecutionsRead)
            .of("batch")
            .query::<At>()
            .says("A batch's page as it goes on")
            .answers_plain(200, "Parts of the page.", "text/event-stream"),
        Route::get("/batches/{batch}/results", results)
            .needs(Action::ExecutionsRead)
            .of("batch")
            .query::<Wanted>()
            .says("A batch's results as a file")
            .answers_plain(200, "The file.", "text/csv"),
        Route::post("/batches/{batch}/cancel", cancel)
            .needs(Action::ExecutionsCancel)
            .of("batch")
            .says("Ends all runs of a batch")
            .answers_plain(303, "Back to the batch.", ""),
        Route::post("/batches/{batch}/retry", retry)
            .needs(Action::ExecutionsRetry)
            .of("batch")
            .form::<RetryForm>()
            .says("Runs the lines once more that did not succeed")
            .answers_plain(303, "Back to the batch.", ""),
    ]
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct At {
    #[serde(default)]
    cursor: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(default)]
    format: TableFormat,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct RetryForm {
    #[serde(default)]
    version: VersionChoice,
}

#[derive(Template)]
#[template(path = "executions/batches.html")]
struct Index {
    frame: Frame,
    rows: Vec<(BatchView, String)>,
    next_href: String,
    first_href: String,
    now: Timestamp,
}

/// `GET /batches`
async fn index(cx: Cx, framing: Framing, query: Query<At>) -> Reply<Html> {
    let cursor = query.0.cursor;
    let page = batches::list(&cx, None, &PageRequest::parse(None, Some(&cursor))?)?;
    let next = page.next_cursor.unwrap_or_default();
    render(Index {
        frame: framing.frame("Batches")?,
        rows: page
            .items
            .into_iter()
            .map(|it| Ok((it.clone(), agent_name(&cx, &it)?)))
            .collect::<Result<_>>()?,
        next_href: if next.is_empty() { next } else { href("/batches", [("cursor", next.as_str())]) },
        first_href: if cursor.is_empty() { String::new() } else { "/batches".to_owned() },
        now: cx.now(),
    })
}

fn agent_name(cx: &Cx, batch: &BatchView) -> Result<String> {
    Ok(runner_of(cx, &cx.read()?, Some(batch.agent_id), None)?.name)
}

#[derive(Template)]
#[template(path = "executions/batch.html")]
struct Show {
    frame: Frame,
    title: String,
    agent: String,
    agent_href: String,
    by: String,
    stream_href: String,
    now: Timestamp,
    part: Part,
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "executions/_batch.html")]
struct Part {
    batch: BatchView,
    title: String,
    csrf_token: String,
    may_cancel: bool,
    may_retry: bool,
    done: u64,
    remaining: String,
    stats: Vec<(&'static str, String, String, &'static str)>,
    lines: Vec<Line>,
    first_href: String,
    next_href: String,
}

impl HtmlSafe for Part {}

struct Line {
    number: u32,
    id: String,
    status: &'static str,
    input: String,
    /// Output, or what went wrong.
    said: String,
    duration_ms: Option<u64>,
}

/// `GET /batches/{batch}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<At>) -> Reply<Html> {
    let id: BatchId = part(&request, "batch")?;
    let part = part_of(&cx, id, &query.0.cursor)?;
    let runner = runner_of(&cx, &cx.read()?, Some(part.batch.agent_id), None)?;
    let mut frame = framing.frame(&part.title)?;
    let is_live = part.batch.unfinished > 0;
    frame.live = is_live;
    let path = format!("/batches/{id}/stream");
    render(Show {
        frame,
        title: part.title.clone(),
        agent: runner.name,
        agent_href: runner.path.unwrap_or_default(),
        by: access::called(&cx, &part.batch.created_by)?,
        stream_href: if is_live { href(&path, [("cursor", query.0.cursor.as_str())]) } else { String::new() },
        now: cx.now(),
        part,
    })
}

/// `GET /batches/{batch}/stream`
async fn stream(cx: Cx, request: HttpRequest, query: Query<At>) -> Reply<SseAnswer> {
    let id: BatchId = part(&request, "batch")?;
    let cursor = query.0.cursor;
    part_of(&cx, id, &cursor)?;
    Ok(live_part(&cx, feed_table(), move |cx| Ok(render(part_of(cx, id, &cursor)?)?.0)))
}

/// `GET /batches/{batch}/results`
async fn results(cx: Cx, request: HttpRequest, query: Query<Wanted>) -> Reply<HttpResponse> {
    let (id, format): (BatchId, _) = (part(&request, "batch")?, query.0.format);
    Ok(download(&format.file_name(id), format.content_type(), batches::table_of(&cx, id, format)?))
}

/// `POST /batches/{batch}/cancel`
async fn cancel(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: BatchId = part(&request, "batch")?;
    batches::cancel(&cx, id).await?;
    let said = Flash::ok("The batch is cancelled. What had ended before stays as it was.");
    Ok(SeeOther::to(format!("/batches/{id}")).saying(said))
}

/// `POST /batches/{batch}/retry`
async fn retry(cx: Cx, request: HttpRequest, form: Form<RetryForm>) -> Reply<SeeOther> {
    let id: BatchId = part(&request, "batch")?;
    batches::find(&cx, id)?;
    let filter = ExecutionFilter { batch: Some(id), ..ExecutionFilter::default() };
    let (mut done, mut refused, mut cursor) = (0, 0, None);
    // A batch has so few lines that two calls are enough.
    loop {
        let answer = ops::bulk(&cx, &filter, BulkAction::Retry, form.0.version, false, cursor).await?;
        done += answer.done;
        refused += answer.failed.len();
        cursor = answer.next_cursor.as_deref().map(crate::base::Cursor::parse).transpose()?;
        if cursor.is_none() {
            break;
        }
    }
    let said = match (done, refused) {
        (0, 0) => Flash::bad("No line of this batch is left to retry."),
        (0, _) => {
            Flash::bad(format!("{refused} lines could not be retried. Look at one of them for the reason."))
        }
        (done, 0) => Flash::ok(format!("{} lines run once more.", count(done))),
        (done, refused) => {
            Flash::bad(format!("{} lines run once more, {refused} could not be.", count(done)))
        }
    };
    Ok(SeeOther::to(format!("/batches/{id}")).saying(said))
}

fn part_of(cx: &Cx, id: BatchId, cursor: &str) -> Result<Part> {
    let batch = batches::find(cx, id)?;
    let mut request = PageRequest::parse(None, Some(cursor))?;
    request.limit = Some(SHOWN);
    let page = batches::results(cx, id, &request)?;
    let path = format!("/batches/{id}");
    let next = page.next_cursor.unwrap_or_default();
    let done = batch.total.saturating_sub(batch.unfinished);
    Ok(Part {
        title: if batch.name.is_empty() { "Batch".to_owned() } else { batch.name.clone() },
        csrf_token: cx.csrf_token().unwrap_or_default().to_owned(),
        may_cancel: batch.unfinished > 0 && cx.may(Action::ExecutionsCancel),
        may_retry: batch.failed + batch.timeout + batch.cancelled > 0 && cx.may(Action::ExecutionsRetry),
        done,
        remaining: left(&batch),
        stats: stats(&batch),
        lines: page.items.into_iter().map(line).collect(),
        first_href: if cursor.is_empty() { String::new() } else { path.clone() },
        next_href: if next.is_empty() { next } else { href(&path, [("cursor", next.as_str())]) },
        batch,
    })
}

fn left(batch: &BatchView) -> String {
    match batch.estimate.remaining_ms {
        Some(ms) if batch.unfinished > 0 => format!("about {} left", duration(ms)),
        _ => String::new(),
    }
}

/// Label, value, note, tone.
fn stats(batch: &BatchView) -> Vec<(&'static str, String, String, &'static str)> {
    let wrong = batch.failed + batch.timeout;
    let (cost, unknown) = known_cost(batch.cost_micros, batch.unknown_cost_runs);
    vec![
        ("Completed", count(batch.completed), String::new(), if batch.completed > 0 { "ok" } else { "idle" }),
        ("Failed", count(wrong), String::new(), if wrong > 0 { "bad" } else { "idle" }),
        ("Cancelled", count(batch.cancelled), String::new(), "idle"),
        (
            "Unfinished",
            count(batch.unfinished),
            String::new(),
            if batch.unfinished > 0 { "info" } else { "idle" },
        ),
        ("Cost so far", cost, unknown, "idle"),
    ]
}

fn line(it: BatchResult) -> Line {
    let said = match (&it.error, &it.output) {
        (Some(error), _) => error.message.clone(),
        (None, Some(output)) => plain(output),
        (None, None) => String::new(),
    };
    Line {
        number: it.line,
        id: it.execution_id.to_string(),
        status: it.status.name(),
        input: short(&plain(&it.input)),
        said: short(&said),
        duration_ms: it.duration_ms,
    }
}

fn plain(json: &crate::base::Json) -> String {
    json.to_value().as_str().map_or_else(|| json.as_str().to_owned(), str::to_owned)
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(CELL).collect();
    if text.chars().count() > CELL {
        short.push('…');
    }
    short
}
