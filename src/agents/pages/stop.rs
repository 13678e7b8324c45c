//! Stopping an agent, and lifting that.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::ops;
use super::act::told;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::Result;
use crate::stops::{NewStop, Queued};
use crate::web::{Faults, Flash, Form, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/stop", ask)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Asks whether an agent is to be stopped")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/stop", stop)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Stops an agent")
            .form::<StopForm>()
            .answers_plain(303, "Back to the agent.", ""),
        Route::post("/agents/{agent}/resume", resume)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Lifts the stop of an agent")
            .answers_plain(303, "Back to the agent.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AgentStopForm")]
struct StopForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    queued: Queued,
}

#[derive(askama::Template)]
#[template(path = "agents/stop.html")]
struct StopPage {
    frame: Frame,
    head: Head,
    reason: String,
    error: String,
    cancel: bool,
    faults: Vec<(String, String)>,
}

impl StopPage {
    fn new(cx: &Cx, agent: &str, framing: &Framing, typed: &StopForm, faults: &Faults) -> Result<Self> {
        let head = Head::of(cx, agent, "/stop")?;
        Ok(Self {
            frame: framing.frame(head.title("Stop"))?,
            head,
            reason: typed.reason.clone(),
            error: faults.on("reason"),
            cancel: typed.queued == Queued::Cancel,
            faults: faults.summary(["reason"]),
        })
    }
}

/// `GET /agents/{agent}/stop`
async fn ask(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(StopPage::new(&cx, agent_of(&request)?, &framing, &StopForm::default(), &Faults::none())?)
}

/// `POST /agents/{agent}/stop`
async fn stop(cx: Cx, request: HttpRequest, framing: Framing, form: Form<StopForm>) -> Reply<Sent> {
    let (agent, typed) = (agent_of(&request)?, form.0);
    let new = NewStop { reason: typed.reason.clone(), queued: typed.queued };
    match ops::stop(&cx, agent, new).await {
        Ok(report) => {
            let said = format!("It is stopped. Runs that were cancelled: {}.", report.cancelled);
            Ok(SeeOther::to(format!("/agents/{agent}")).saying(Flash::ok(said)).into())
        }
        Err(error) => again(StopPage::new(&cx, agent, &framing, &typed, &Faults::of(error)?)?),
    }
}

/// `POST /agents/{agent}/resume`
async fn resume(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    told(&format!("/agents/{agent}"), ops::resume(&cx, agent).await, "running again; what waited begins")
}
