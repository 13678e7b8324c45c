//! REST endpoints of batches.

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Action, Cx};
use crate::agents::{self, Spec};
use crate::base::{AgentId, BatchId, Code, Error, ExecutionId, Page, PageRequest, Result};
use crate::executions::batches::{
    self, BatchFormat, BatchResult, BatchView, NewBatch, TableFormat, read_inputs,
};
use crate::web::{Accepted, AnyBody, Found, Query, Reply, Route, download, part, text_part};

/// 1,000 inputs of some kilobytes each.
const MAX_BODY_BYTES: usize = 16 << 20;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/agents/{agent}/execute/batch", execute)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says(
                "Run an agent on up to 1,000 inputs: JSON, JSON lines, or a table whose first line names the fields \
                 of the input. All are accepted in one commit, or none; errors name the line",
            )
            .query::<BatchQuery>()
            .takes::<NewBatch>()
            .also_takes(&["text/csv", "application/x-ndjson"])
            .max_body_bytes(MAX_BODY_BYTES)
            .answers::<BatchAccepted>(202, "The batch and its runs, which survive a crash")
            .errs(&[Code::AgentNotFound, Code::VersionConflict, Code::Stopped, Code::InvalidInput, Code::EgressDenied, Code::ResourceExhausted]),
        Route::get("/api/batches", list)
            .needs(Action::ExecutionsRead)
            .says("Batches, newest first")
            .query::<ListQuery>()
            .answers::<Page<BatchView>>(200, "One page of batches")
            .errs(&[Code::AgentNotFound]),
        Route::get("/api/batches/{batch}", show)
            .needs(Action::ExecutionsRead)
            .of("batch")
            .says("How far a batch has come, and what it will still take")
            .answers::<BatchView>(200, "The batch")
            .errs(&[Code::NotFound]),
        Route::get("/api/batches/{batch}/results", results)
            .needs(Action::ExecutionsRead)
            .of("batch")
            .says("What a batch came to, line by line: a page of JSON, or the whole as csv or jsonl")
            .query::<ResultsQuery>()
            .answers::<Page<BatchResult>>(200, "One page of lines; with another format the whole file")
            .errs(&[Code::NotFound]),
        Route::post("/api/batches/{batch}/cancel", cancel)
            .needs(Action::ExecutionsCancel)
            .of("batch")
            .says("End all runs of a batch that have not ended")
            .answers::<BatchView>(200, "The batch, ended")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct BatchAccepted {
    batch_id: BatchId,
    /// In the order of the inputs.
    execution_ids: Vec<ExecutionId>,
}

/// For bodies that are not JSON; what JSON says itself goes before it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchQuery {
    #[serde(default)]
    name: Option<String>,
    /// A version's number, or `draft`; left out: the one that is published.
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: Option<i8>,
    #[serde(default)]
    #[schemars(length(max = 2048))]
    callback_url: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BatchListQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    /// Id or slug.
    agent_id: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResultsQuery {
    #[serde(default)]
    format: TableFormat,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `POST /api/agents/{agent}/execute/batch`
async fn execute(
    cx: Cx,
    request: HttpRequest,
    query: Query<BatchQuery>,
    body: AnyBody,
) -> Reply<Accepted<BatchAccepted>> {
    let agent = text_part(&request, "agent")?;
    let mut new = match body.kind.as_str() {
        "application/json" => body.json()?,
        "text/csv" => lines(&cx, agent, &query.0, BatchFormat::Csv, &body.bytes)?,
        "application/x-ndjson" | "application/jsonl" => {
            lines(&cx, agent, &query.0, BatchFormat::Jsonl, &body.bytes)?
        }
        _ => {
            let message = "send inputs as application/json, text/csv or application/x-ndjson";
            return Err(Error::new(Code::UnsupportedMediaType, message));
        }
    };
    let BatchQuery { name, version, priority, callback_url } = query.0;
    if new.name.is_empty() {
        new.name = name.unwrap_or_default();
    }
    new.version = new.version.or(version);
    new.priority = new.priority.or(priority);
    new.callback_url = new.callback_url.or(callback_url);
    let started = batches::start(&cx, agent, new).await?;
    let body = BatchAccepted { batch_id: started.id, execution_ids: started.executions };
    Ok(Accepted { location: format!("/api/batches/{}", started.id), body })
}

fn lines(cx: &Cx, agent: &str, query: &BatchQuery, format: BatchFormat, text: &[u8]) -> Result<NewBatch> {
    let spec = query.version.as_deref().map_or(Ok(Spec::Current), str::parse)?;
    let schema = agents::version(cx, agent, spec)?.input_schema.to_value();
    read_inputs(format, text, &schema)
}

/// `GET /api/batches`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<BatchView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    let agent: Option<AgentId> = match &query.0.agent_id {
        Some(agent) => Some(agents::find(&cx, agent)?.id),
        None => None,
    };
    Ok(Found(batches::list(&cx, agent, &page)?))
}

/// `GET /api/batches/{batch}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<BatchView>> {
    Ok(Found(batches::find(&cx, part(&request, "batch")?)?))
}

/// `GET /api/batches/{batch}/results`
async fn results(cx: Cx, request: HttpRequest, query: Query<ResultsQuery>) -> Reply<HttpResponse> {
    let id: BatchId = part(&request, "batch")?;
    if query.0.format == TableFormat::Json {
        let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
        return Ok(Found(batches::results(&cx, id, &page)?).respond_to(&request));
    }
    let format = query.0.format;
    Ok(download(&format.file_name(id), format.content_type(), batches::table_of(&cx, id, format)?))
}

/// `POST /api/batches/{batch}/cancel`
async fn cancel(cx: Cx, request: HttpRequest) -> Reply<Found<BatchView>> {
    Ok(Found(batches::cancel(&cx, part(&request, "batch")?).await?))
}
