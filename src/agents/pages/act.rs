//! Acts of one click on an agent, and its deletion.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::ops;
use super::super::view::AgentView;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Code, Error, Result};
use crate::web::view::sentence;
use crate::web::{Faults, Flash, Form, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/agents/{agent}/enable", enable)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Lets an agent run again")
            .answers_plain(303, "Back to the agent.", ""),
        Route::post("/agents/{agent}/disable", disable)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Lets no new run of an agent begin")
            .answers_plain(303, "Back to the agent.", ""),
        Route::post("/agents/{agent}/deprecate", deprecate)
            .needs(Action::AgentsPublish)
            .of("agent")
            .says("Says that an agent should no longer be used")
            .answers_plain(303, "Back to the agent.", ""),
        Route::post("/agents/{agent}/archive", archive)
            .needs(Action::AgentsPublish)
            .of("agent")
            .says("Puts an agent away for good")
            .answers_plain(303, "Back to the agent.", ""),
        Route::post("/agents/{agent}/clone", clone)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Makes a draft of one's own out of an agent")
            .answers_plain(303, "To the clone.", ""),
        Route::post("/agents/{agent}/test", test)
            .needs(Action::AgentsTest)
            .of("agent")
            .says("Asks the far end of an agent whether it answers")
            .answers_plain(303, "Back to the agent.", ""),
        Route::get("/agents/{agent}/delete", ask)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Asks whether an agent is to be deleted")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/delete", delete)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Deletes an agent whose name was typed")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

/// Back to the agent with a sentence; what the agent's state does not allow is said there too.
pub(super) fn told(place: &str, result: Result<AgentView>, said: &str) -> Reply<SeeOther> {
    match result {
        Ok(agent) => Ok(SeeOther::to(place).saying(Flash::ok(format!("{} is {said}.", agent.name)))),
        Err(error) => refused(place, error),
    }
}

/// A refusal that the agent's own page can show.
///
/// Errors: any other.
pub(super) fn refused(place: &str, error: Error) -> Reply<SeeOther> {
    let shown = [Code::VersionConflict, Code::Conflict, Code::InvalidAgentConfig, Code::CredentialInvalid];
    if shown.contains(&error.code()) {
        return Ok(SeeOther::to(place).saying(Flash::bad(format!("{}.", sentence(error.message())))));
    }
    Err(error)
}

fn place(agent: &str) -> String {
    format!("/agents/{agent}")
}

/// `POST /agents/{agent}/enable`
async fn enable(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    told(&place(agent), ops::enable(&cx, agent).await, "enabled")
}

/// `POST /agents/{agent}/disable`
async fn disable(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    told(&place(agent), ops::disable(&cx, agent).await, "disabled: no new run of it begins")
}

/// `POST /agents/{agent}/deprecate`
async fn deprecate(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    told(&format!("{}/versions", place(agent)), ops::deprecate(&cx, agent).await, "deprecated")
}

/// `POST /agents/{agent}/archive`
async fn archive(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    told(&format!("{}/versions", place(agent)), ops::archive(&cx, agent).await, "archived")
}

/// `POST /agents/{agent}/clone`
async fn clone(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let made = ops::clone_agent(&cx, agent_of(&request)?, None).await?;
    let said = Flash::ok(format!("{} is a draft of your own.", made.name));
    Ok(SeeOther::to(format!("/agents/{}/configuration", made.slug)).saying(said))
}

/// `POST /agents/{agent}/test`
async fn test(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let agent = agent_of(&request)?;
    let probe = match ops::test(&cx, agent, None).await {
        Ok(probe) => probe,
        Err(error) => return refused(&place(agent), error),
    };
    let said = format!("{}.", sentence(&probe.detail));
    let flash = if probe.ok { Flash::ok(said) } else { Flash::bad(said) };
    Ok(SeeOther::to(place(agent)).saying(flash))
}

#[derive(Deserialize, JsonSchema)]
struct DeleteForm {
    /// The agent's name.
    confirm: String,
}

#[derive(askama::Template)]
#[template(path = "agents/delete.html")]
struct DeletePage {
    frame: Frame,
    head: Head,
    typed: String,
    error: String,
    faults: Vec<(String, String)>,
}

impl DeletePage {
    fn new(cx: &Cx, agent: &str, framing: &Framing, typed: &str, faults: &Faults) -> Result<Self> {
        let head = Head::of(cx, agent, "/delete")?;
        let frame = framing.frame(head.title("Delete"))?;
        let (error, faults) = (faults.on("confirm"), faults.summary(["confirm"]));
        Ok(Self { frame, head, typed: typed.to_owned(), error, faults })
    }
}

/// `GET /agents/{agent}/delete`
async fn ask(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(DeletePage::new(&cx, agent_of(&request)?, &framing, "", &Faults::none())?)
}

/// `POST /agents/{agent}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let (given, typed) = (agent_of(&request)?, form.0.confirm);
    let agent = ops::view(&cx, given)?;
    let faults = if typed.trim() == agent.name {
        match ops::delete(&cx, given, None).await {
            Ok(()) => {
                let said = Flash::ok(format!("{} is deleted. What it did stays in the history.", agent.name));
                return Ok(SeeOther::to("/agents").saying(said).into());
            }
            Err(error) => Faults::of(error)?,
        }
    } else {
        Faults::none().at("confirm", format!("type the agent's name as it is: {}", agent.name))
    };
    again(DeletePage::new(&cx, given, &framing, &typed, &faults)?)
}
