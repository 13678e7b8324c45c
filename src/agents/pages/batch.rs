//! Many inputs for an agent at once: pasted or read from a file, checked and priced before they begin.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::number::Spec;
use super::super::ops;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Micros, PageRequest, Result, Timestamp};
use crate::executions::batches::{self, BatchFormat, BatchView, Checked, NewBatch};
use crate::web::view::{Choice, Field, count, duration, money};
use crate::web::{Faults, Flash, Form, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render};

/// A table of 16 MiB, as a form writes it.
const MAX_FORM_BYTES: usize = 24 << 20;
const SHOWN_BATCHES: usize = 10;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/batch", show)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("A form for many inputs at once")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/batch", start)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("Checks many inputs, or begins a run of each")
            .form::<BatchForm>()
            .max_body_bytes(MAX_FORM_BYTES)
            .answers_plain(303, "To the batch.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct BatchForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    format: BatchFormat,
    #[serde(default)]
    inputs: String,
    /// `check` or `start`.
    #[serde(default)]
    act: String,
}

#[derive(Template)]
#[template(path = "agents/batch.html")]
struct Batch {
    frame: Frame,
    head: Head,
    fields: Vec<Field>,
    faults: Vec<(String, String)>,
    checked: Option<Vec<(&'static str, String)>>,
    may_run: bool,
    batches: Vec<BatchView>,
    now: Timestamp,
}

/// `GET /agents/{agent}/batch`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(page(&cx, agent_of(&request)?, &framing, &BatchForm::default(), None, &Faults::none())?)
}

/// `POST /agents/{agent}/batch`
async fn start(cx: Cx, request: HttpRequest, framing: Framing, form: Form<BatchForm>) -> Reply<Sent> {
    let (agent, form) = (agent_of(&request)?, form.0);
    let faults = match read(&cx, agent, &form) {
        Ok(new) if form.act == "check" => match batches::check_batch(&cx, agent, &new) {
            Ok(checked) => {
                return Ok(Sent::Page(render(page(
                    &cx,
                    agent,
                    &framing,
                    &form,
                    Some(&checked),
                    &Faults::none(),
                )?)?));
            }
            Err(error) => Faults::of(error)?,
        },
        Ok(new) => match batches::start(&cx, agent, new).await {
            Ok(started) => {
                let said = format!("{} runs are accepted.", count(started.executions.len() as u64));
                let next = format!("/batches/{}", started.id);
                return Ok(SeeOther::to(next).saying(Flash::ok(said)).into());
            }
            Err(error) => Faults::of(error)?,
        },
        Err(error) => Faults::of(error)?,
    };
    again(page(&cx, agent, &framing, &form, None, &faults.within("inputs"))?)
}

fn read(cx: &Cx, agent: &str, form: &BatchForm) -> Result<NewBatch> {
    let schema = ops::version(cx, agent, Spec::Current)?.input_schema.to_value();
    let new = batches::read_inputs(form.format, form.inputs.as_bytes(), &schema)?;
    Ok(NewBatch { name: form.name.trim().to_owned(), ..new })
}

fn page(
    cx: &Cx,
    given: &str,
    framing: &Framing,
    form: &BatchForm,
    checked: Option<&Checked>,
    faults: &Faults,
) -> Result<Batch> {
    let head = Head::of(cx, given, "/batch")?;
    let sample = sample_of(&head.agent.input_schema.to_value());
    let format = if form.format == BatchFormat::Jsonl { "jsonl" } else { "csv" };
    let formats = vec![
        Choice::new("csv", "Table (CSV)").help("The first line names the fields of the input."),
        Choice::new("jsonl", "JSON lines").help("One input per line."),
    ];
    let fields = vec![
        Field::text("name", "Name")
            .value(&form.name)
            .error(faults.on("name"))
            .help("What you will know this batch by; may be left out.")
            .max_chars(120),
        Field::cards("format", "Format", formats).value(format),
        Field::area("inputs", "Inputs")
            .value(&form.inputs)
            .error(faults.on("inputs"))
            .help("Up to 1,000. All of them are checked before the first begins.")
            .placeholder(sample)
            .rows(12)
            .required()
            .mono(),
    ];
    let agent = &head.agent;
    let found = batches::list(cx, Some(agent.id), &PageRequest::first(SHOWN_BATCHES))?;
    Ok(Batch {
        frame: framing.frame(head.title("Batch"))?,
        faults: faults.summary_of(&fields),
        fields,
        checked: checked.map(said),
        may_run: head.rights.execute && agent.enabled && agent.status.runs(),
        batches: found.items,
        now: cx.now(),
        head,
    })
}

fn said(checked: &Checked) -> Vec<(&'static str, String)> {
    let unknown = || "not known yet: no run of this agent has one".to_owned();
    let cost = |it: Option<i64>| it.map_or_else(unknown, |it| money(Micros(it), "USD"));
    let time = checked.estimate.remaining_ms;
    vec![
        ("Runs", count(checked.count as u64)),
        (
            "Takes about",
            time.map_or_else(|| "not known yet: this agent has not run lately".to_owned(), duration),
        ),
        ("One run costs about", cost(checked.estimate.mean_cost_micros)),
        ("All of them cost about", cost(checked.estimate.total_cost_micros)),
    ]
}

/// The first line of a table that fits the schema.
fn sample_of(schema: &serde_json::Value) -> String {
    let fields = schema["properties"].as_object();
    let names: Vec<&str> = fields.into_iter().flatten().map(|it| it.0.as_str()).collect();
    let names = if names.is_empty() { vec!["text"] } else { names };
    format!("{}\n{}", names.join(","), vec!["…"; names.len()].join(","))
}
