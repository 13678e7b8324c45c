//! One chain: its steps as they are drawn, and its last runs.

use actix_web::HttpRequest;
use askama::Template;

use super::sketch::{Drawn, drawn, written};
use super::{HTML, Head, chain_of};
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::executions::{self, ExecutionFilter, ExecutionView};
use crate::web::view::{JsonView, duration};
use crate::web::{Frame, Framing, Html, Reply, Route, render};

const SHOWN_RUNS: usize = 5;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chains/{chain}", show)
            .needs(Action::WorkflowsRead)
            .of("chain")
            .says("A chain: its steps and its last runs")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Template)]
#[template(path = "workflows/show.html")]
struct Show {
    frame: Frame,
    head: Head,
    steps: Vec<Drawn>,
    /// What the run answers.
    output: String,
    input_schema: Option<JsonView>,
    limit: String,
    runs: Vec<ExecutionView>,
    now: Timestamp,
}

/// `GET /chains/{chain}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let head = Head::of(&cx, chain_of(&request)?, "")?;
    let filter = ExecutionFilter { workflow: Some(head.chain.id), ..ExecutionFilter::default() };
    let runs = match cx.may(Action::ExecutionsRead) {
        true => executions::list(&cx, &filter, &PageRequest::first(SHOWN_RUNS))?.items,
        false => Vec::new(),
    };
    let schema = head.chain.input_schema.to_value();
    let takes_all = schema.as_object().is_some_and(serde_json::Map::is_empty);
    render(Show {
        frame: framing.frame(head.title(""))?,
        steps: drawn(&cx, &head.chain)?,
        output: head.chain.output_mapping.as_ref().map(written).unwrap_or_default(),
        input_schema: (!takes_all).then(|| JsonView::new("Input schema", &schema)),
        limit: duration(head.chain.timeout_ms),
        runs,
        now: cx.now(),
        head,
    })
}
