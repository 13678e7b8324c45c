//! Changing an agent. A change of what decides runs goes into its draft.

use actix_web::HttpRequest;
use serde_json::Value;

use super::super::input::AgentUpdate;
use super::super::ops;
use super::super::view::AgentView;
use super::form::{AgentForm, Parts, as_input, as_value};
use super::new::{Offer, offers};
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::adapters;
use crate::base::Result;
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Reply, Route, SeeOther, Sent, Typed, again, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/configuration", show)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("What an agent is and how it runs, to change")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/configuration", save)
            .needs(Action::AgentsWrite)
            .of("agent")
            .says("Changes an agent; what decides its runs goes into the draft")
            .answers_plain(303, "Back to the form.", ""),
    ]
}

#[derive(askama::Template)]
#[template(path = "agents/configuration.html")]
struct ConfigurationPage {
    frame: Frame,
    head: Head,
    parts: Parts,
    takes_credentials: bool,
    offers: Vec<Offer>,
    faults: Vec<(String, String)>,
    /// Of the agent as the form shows it.
    revision: u64,
}

/// The fields in which an agent is changed, as it stands.
fn changeable(agent: &AgentView) -> Result<Value> {
    let mut value = as_value(agent)?;
    if let Some(fields) = value.as_object_mut() {
        for name in [
            "id",
            "slug",
            "status",
            "enabled",
            "health",
            "current_version",
            "draft_version",
            "stopped",
            "owner_id",
            "created_at",
            "updated_at",
        ] {
            fields.remove(name);
        }
    }
    Ok(value)
}

fn page(
    cx: &Cx,
    given: &str,
    framing: &Framing,
    typed: Option<Typed>,
    faults: &Faults,
) -> Result<ConfigurationPage> {
    let head = Head::of(cx, given, "/configuration")?;
    let (agent, revision) = ops::seen(cx, given)?;
    let form = AgentForm::of(&agent.agent_type)?;
    let typed = match typed {
        Some(typed) => typed,
        None => form.typed(&changeable(&agent)?),
    };
    let parts = form.parts(&typed, faults);
    let kinds = adapters::find(&agent.agent_type).map_or(&[] as &[_], |it| it.credential_kinds());
    let offers = offers(cx, kinds, &typed)?;
    let faults = parts.summary(faults);
    Ok(ConfigurationPage {
        frame: framing.frame(head.title("Configuration"))?,
        head,
        parts,
        takes_credentials: !kinds.is_empty(),
        offers,
        faults,
        revision,
    })
}

/// `GET /agents/{agent}/configuration`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(page(&cx, agent_of(&request)?, &framing, None, &Faults::none())?)
}

/// `POST /agents/{agent}/configuration`
async fn save(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let (given, typed) = (agent_of(&request)?, form.0);
    let agent = ops::view(&cx, given)?;
    let revision = typed.iter().find(|it| it.0 == "revision").and_then(|it| it.1.parse().ok());
    let laid = AgentForm::of(&agent.agent_type)?.laid_over(&changeable(&agent)?, &typed);
    let faults = match laid.and_then(as_input::<AgentUpdate>) {
        Err(faults) => faults,
        Ok(update) => match ops::update(&cx, given, update, revision).await {
            Ok(saved) => {
                let said = match saved.draft_version {
                    Some(draft) => {
                        format!("Saved. What decides runs is in the draft {draft} until it is published.")
                    }
                    None => "Saved.".to_owned(),
                };
                let place = format!("/agents/{}/configuration", saved.slug);
                return Ok(SeeOther::to(place).saying(Flash::ok(said)).into());
            }
            Err(error) => Faults::of(error)?,
        },
    };
    again(page(&cx, given, &framing, Some(typed), &faults)?)
}
