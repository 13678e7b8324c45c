//! The console: give an agent something to do, and watch what comes of it.

use actix_web::{HttpRequest, HttpResponse, Responder};
use askama::Template;
use futures_util::StreamExt;
use serde_json::Value;

use super::super::catalog;
use super::super::number::Spec;
use super::super::ops;
use super::sample::samples;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{AgentId, Doing, Error, ExecutionId, Json, Result};
use crate::engine::EventKind;
use crate::executions::{self, ExecutionView, NewExecution, StreamEvent, TriggerKind, sessions};
use crate::web::view::{JsonView, href, sentence};
use crate::web::{
    Faults, FormPairs, Frame, Framing, Group, Html, Reply, Route, SchemaForm, SeeOther, Sent, SseAnswer,
    SseEvent, Typed, again, part, render, sse_channel,
};

/// Events that are shown at once.
const TOGETHER: usize = 256;
const SHOWN_LOGS: usize = 40;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/console", show)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("A form for an agent's input")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/console", run)
            .needs(Action::AgentsExecute)
            .of("agent")
            .says("Runs an agent; leads to the run, or shows it below where htmx asks")
            .answers_plain(303, "To the run.", ""),
        Route::get("/agents/{agent}/console/{execution}/events", events)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("What a run has come to so far, as a part of a page")
            .answers_plain(200, "Parts of a page, to the end of the run.", "text/event-stream"),
    ]
}

#[derive(Template)]
#[template(path = "agents/console.html")]
struct Console {
    frame: Frame,
    head: Head,
    groups: Vec<Group>,
    faults: Vec<(String, String)>,
    version: String,
    /// Values of `version`, with their labels.
    versions: Vec<(&'static str, String)>,
    may_run: bool,
    may_talk: bool,
    samples: Vec<Offered>,
}

/// An input to try: choosing it fills in the form.
struct Offered {
    name: String,
    href: String,
    chosen: bool,
}

/// A run below the form; goes on by itself.
#[derive(Template)]
#[template(path = "agents/_run.html")]
struct Run {
    place: String,
    id: ExecutionId,
    csrf_token: String,
    may_cancel: bool,
}

impl Run {
    fn new(cx: &Cx, given: &str, id: ExecutionId) -> Self {
        Self {
            place: format!("/agents/{given}/console/{id}"),
            id,
            csrf_token: cx.csrf_token().unwrap_or_default().to_owned(),
            may_cancel: cx.may(Action::ExecutionsCancel),
        }
    }
}

fn console(
    cx: &Cx,
    given: &str,
    framing: &Framing,
    typed: &[(String, String)],
    faults: &Faults,
) -> Result<Console> {
    let head = Head::of(cx, given, "/console")?;
    let version = wanted_version(&head, typed);
    let (form, schema) = input_form(cx, given, &version)?;
    let tries = samples(&head.agent, &schema);
    let asked = typed.iter().find(|it| it.0 == "sample").and_then(|it| it.1.parse::<usize>().ok());
    let asked = asked.filter(|it| *it < tries.len());
    let groups = if let Some(place) = asked {
        form.groups(&form.typed(&tries[place].input), faults)
    } else if typed.iter().any(|it| it.0.starts_with("input")) {
        form.groups(typed, faults)
    } else {
        form.groups(&form.typed(&Value::Object(serde_json::Map::new())), faults)
    };
    let offered = |(place, it): (usize, catalog::Sample)| Offered {
        href: href(
            &format!("{}/console", head.place),
            [("version", version.as_str()), ("sample", place.to_string().as_str())],
        ),
        name: sentence(&it.name),
        chosen: asked == Some(place),
    };
    let offered = tries.into_iter().enumerate().map(offered).collect();
    let agent = &head.agent;
    let mut versions = Vec::new();
    if agent.status.runs() {
        versions.push(("current", format!("Published {}", agent.current_version)));
    }
    if let (Some(draft), true) = (agent.draft_version, head.rights.write) {
        versions.push(("draft", format!("Draft {draft}")));
    }
    Ok(Console {
        frame: framing.frame(head.title("Console"))?,
        faults: faults.summary(groups.iter().flat_map(|it| &it.fields).map(|it| it.name.as_str())),
        groups,
        may_run: head.rights.execute && agent.enabled && !versions.is_empty(),
        may_talk: head.rights.execute && agent.enabled && sessions::takes_words(cx, head.agent.id),
        head,
        version,
        versions,
        samples: offered,
    })
}

fn wanted_version(head: &Head, typed: &[(String, String)]) -> String {
    let asked = typed.iter().find(|it| it.0 == "version").map(|it| it.1.clone());
    asked.unwrap_or_else(|| if head.agent.status.runs() { "current" } else { "draft" }.to_owned())
}

/// The form, and the schema that it is made from.
fn input_form(cx: &Cx, given: &str, version: &str) -> Result<(SchemaForm, Value)> {
    let spec: Spec = version.parse()?;
    let schema = ops::version(cx, given, spec)?.input_schema.to_value();
    Ok((SchemaForm::of_input("input", &schema), schema))
}

/// `GET /agents/{agent}/console`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let query: Typed = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    render(console(&cx, agent_of(&request)?, &framing, &query, &Faults::none())?)
}

/// `POST /agents/{agent}/console`
async fn run(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let (given, typed) = (agent_of(&request)?, form.0);
    let version = wanted_version(&Head::of(&cx, given, "")?, &typed);
    let faults = match input_form(&cx, given, &version)?.0.value(&typed) {
        Err(faults) => faults,
        Ok(input) => match start(&cx, given, version, &input).await {
            Ok(id) if framing.is_htmx() => return Ok(Sent::Page(render(Run::new(&cx, given, id))?)),
            Ok(id) => return Ok(SeeOther::to(format!("/executions/{id}")).into()),
            Err(error) => Faults::of(error)?.within("input"),
        },
    };
    again(console(&cx, given, &framing, &typed, &faults)?)
}

async fn start(cx: &Cx, agent: &str, version: String, input: &Value) -> Result<ExecutionId> {
    let request = NewExecution {
        version: Some(version).filter(|it| it != "current"),
        wait_ms: Some(0),
        ..NewExecution::of(Json::of(input))
    };
    Ok(executions::start(cx, agent, TriggerKind::Console, request).await?.id)
}

/// What a run has come to, as it is seen below the form.
#[derive(Default, Template)]
#[template(path = "agents/_live.html")]
struct Live {
    text: String,
    logs: Vec<(String, String)>,
    ended: Option<ExecutionView>,
    output: Option<JsonView>,
}

impl Live {
    fn take(&mut self, event: &StreamEvent, end: impl FnOnce() -> Result<ExecutionView>) -> Result<()> {
        let data = event.data.to_value();
        match event.kind {
            EventKind::Delta => match data.get("text").and_then(Value::as_str) {
                Some(text) => self.text.push_str(text),
                None => {
                    let piece = data.get("json").unwrap_or(&data);
                    self.text.push_str(&format!("{piece}\n"));
                }
            },
            EventKind::Log => {
                let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                self.logs.push((text("level"), text("message")));
                if self.logs.len() > SHOWN_LOGS {
                    self.logs.remove(0);
                }
            }
            kind if kind.is_last() => {
                let ended = end()?;
                self.output = ended.output.as_ref().map(|it| JsonView::new("Output", &it.to_value()));
                self.ended = Some(ended);
            }
            _ => {}
        }
        Ok(())
    }
}

/// `GET /agents/{agent}/console/{execution}/events`
///
/// Every message is the whole of what is seen, so that a reader who comes late or again misses nothing.
async fn events(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    let agent: AgentId = ops::view(&cx, agent_of(&request)?)?.id;
    let id: ExecutionId = part(&request, "execution")?;
    if executions::find(&cx, id)?.agent_id != Some(agent) {
        return Err(Error::not_found("execution", id));
    }
    Ok(feed(cx, id)?.respond_to(&request))
}

fn feed(cx: Cx, id: ExecutionId) -> Result<SseAnswer> {
    let events = executions::follow(&cx, id, 0)?.ready_chunks(TOGETHER);
    let (sender, answer) = sse_channel();
    actix_web::rt::spawn(async move {
        let (mut events, mut live) = (std::pin::pin!(events), Live::default());
        loop {
            let chunk = tokio::select! {
                chunk = events.next() => chunk,
                () = sender.gone() => return,
            };
            let Some(chunk) = chunk else { break };
            let seen = chunk
                .into_iter()
                .try_for_each(|event| event.and_then(|it| live.take(&it, || executions::find(&cx, id))))
                .and_then(|()| live.render().doing("render a run"));
            match seen {
                Ok(html) => {
                    if sender.send(SseEvent::html(&html)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(cause = ?error, "a run could not be shown to its end");
                    return;
                }
            }
        }
        // Tells the page not to come again.
        let _ = sender.send(SseEvent::of_json(None, "done", b"{}")).await;
    });
    Ok(answer)
}
