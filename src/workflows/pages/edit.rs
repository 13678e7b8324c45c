//! Making and changing a chain. Every button of the form sends the whole form, so that it works without scripts.

use actix_web::HttpRequest;
use askama::Template;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::form::{Act, Parts, Typed, parts};
use super::{HTML, Head, chain_of};
use crate::access::{Action, Cx};
use crate::agents::{self, AgentFilter, Right, Sort};
use crate::base::{PageRequest, Result, WorkflowId};
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, confirmed, render,
};
use crate::workflows::input::{ChainUpdate, NewChain};
use crate::workflows::ops;
use crate::workflows::view::Validation;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chains/new", new)
            .needs(Action::WorkflowsWrite)
            .says("The form of a new chain")
            .answers_plain(200, "The page.", HTML),
        Route::post("/chains/new", create)
            .needs(Action::WorkflowsWrite)
            .says("Makes a chain, checks it, or changes the form's steps")
            .answers_plain(303, "To the chain.", ""),
        Route::get("/chains/{chain}/edit", edit)
            .needs(Action::WorkflowsWrite)
            .of("chain")
            .says("The form of a chain")
            .answers_plain(200, "The page.", HTML),
        Route::post("/chains/{chain}/edit", save)
            .needs(Action::WorkflowsWrite)
            .of("chain")
            .says("Changes a chain, checks it, or changes the form's steps")
            .answers_plain(303, "To the chain.", ""),
        Route::post("/chains/{chain}/delete", delete)
            .needs(Action::WorkflowsWrite)
            .of("chain")
            .says("Deletes a chain whose name was typed")
            .answers_plain(303, "To the list.", ""),
    ]
}

#[derive(Template)]
#[template(path = "workflows/form.html")]
struct FormPage {
    frame: Frame,
    /// Where there is a chain already.
    head: Option<Head>,
    tabs: Vec<(&'static str, String, bool)>,
    parts: Parts,
    faults: Vec<(String, String)>,
    found: Option<Validation>,
    /// Of the chain as the form shows it.
    revision: String,
    no_agents: bool,
}

impl FormPage {
    fn place(&self) -> String {
        self.head.as_ref().map_or_else(|| "/chains/new".to_owned(), |it| format!("{}/edit", it.place))
    }

    fn cancel(&self) -> &str {
        self.head.as_ref().map_or("/chains", |it| it.place.as_str())
    }
}

fn page(
    cx: &Cx,
    framing: &Framing,
    head: Option<Head>,
    typed: &Typed,
    faults: &Faults,
    found: Option<Validation>,
) -> Result<FormPage> {
    let agents = choices(cx)?;
    let parts = parts(typed, &agents, faults);
    let title = head.as_ref().map_or_else(|| "New chain".to_owned(), |it| it.title("Edit"));
    Ok(FormPage {
        frame: framing.frame(title)?,
        faults: parts.summary(faults),
        parts,
        found,
        revision: typed.top("revision").to_owned(),
        no_agents: agents.is_empty(),
        tabs: head.as_ref().map(|it| it.tabs.clone()).unwrap_or_default(),
        head,
    })
}

/// Id and name of the agents that one may run.
fn choices(cx: &Cx) -> Result<Vec<(String, String)>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let found = agents::list(cx, &filter, &PageRequest::first(200))?;
    let rows = cx.read()?;
    let mut choices = Vec::new();
    for view in found.items {
        let agent = agents::by_id(&rows, view.id)?;
        if agent.is_some_and(|it| agents::access(cx, &it).has(Right::Execute)) {
            choices.push((view.id.to_string(), view.name));
        }
    }
    Ok(choices)
}

/// What becomes of a form before it is saved.
enum Next<T> {
    Save(T),
    Show(Typed, Faults, Option<Validation>),
}

/// `own`: the chain that is changed.
fn next<T: DeserializeOwned>(cx: &Cx, mut typed: Typed, own: Option<WorkflowId>) -> Result<Next<T>> {
    let act = Act::of(typed.top("act"));
    typed.act(act);
    if !matches!(act, Act::Save | Act::Check) {
        return Ok(Next::Show(typed, Faults::none(), None));
    }
    let value = match typed.value() {
        Ok(value) => value,
        Err(faults) => return Ok(Next::Show(typed, faults, None)),
    };
    if act == Act::Save {
        return Ok(match as_input(value) {
            Ok(input) => Next::Save(input),
            Err(faults) => Next::Show(typed, faults, None),
        });
    }
    let new: NewChain = match as_input(value) {
        Ok(new) => new,
        Err(faults) => return Ok(Next::Show(typed, faults, None)),
    };
    let found = ops::inspect(cx, new, own)?;
    let wrong = found.validation_errors.iter();
    let faults = wrong.fold(Faults::none(), |all, it| all.at(&it.path, it.message.as_str()));
    Ok(Next::Show(typed, faults, Some(found)))
}

fn as_input<T: DeserializeOwned>(chain: Value) -> Result<T, Faults> {
    serde_path_to_error::deserialize(chain).map_err(|error| {
        let path = error.path().to_string().replace(['.', '['], "/").replace(']', "");
        Faults::none().at(&path, error.inner().to_string())
    })
}

/// `GET /chains/new`
async fn new(cx: Cx, framing: Framing) -> Reply<Html> {
    render(page(&cx, &framing, None, &Typed::fresh(), &Faults::none(), None)?)
}

/// `POST /chains/new`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    match next::<NewChain>(&cx, typed.clone(), None)? {
        Next::Show(typed, faults, found) => {
            shown(page(&cx, &framing, None, &typed, &faults, found)?, &faults)
        }
        Next::Save(new) => match ops::create(&cx, new).await {
            Ok(chain) => {
                let said = Flash::ok(format!("{} is ready. Run it once to see.", chain.name));
                Ok(SeeOther::to(format!("/chains/{}", chain.slug)).saying(said).into())
            }
            Err(error) => {
                let faults = Faults::of(error)?;
                again(page(&cx, &framing, None, &typed, &faults, None)?)
            }
        },
    }
}

fn shown(page: FormPage, faults: &Faults) -> Reply<Sent> {
    if faults.is_empty() { Ok(Sent::Page(render(page)?)) } else { again(page) }
}

/// `GET /chains/{chain}/edit`
async fn edit(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let head = Head::of(&cx, chain_of(&request)?, "/edit")?;
    let mut typed = Typed::of(&head.chain);
    typed.top.insert("revision".to_owned(), head.chain.revision.to_string());
    render(page(&cx, &framing, Some(head), &typed, &Faults::none(), None)?)
}

/// `POST /chains/{chain}/edit`
async fn save(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let given = chain_of(&request)?;
    let head = Head::of(&cx, given, "/edit")?;
    let typed = Typed::read(form.0);
    let revision = typed.top("revision").parse().ok();
    match next::<ChainUpdate>(&cx, typed.clone(), Some(head.chain.id))? {
        Next::Show(typed, faults, found) => {
            shown(page(&cx, &framing, Some(head), &typed, &faults, found)?, &faults)
        }
        Next::Save(update) => match ops::update(&cx, given, update, revision).await {
            Ok(chain) => {
                let said = Flash::ok("Saved. Runs under way go on with what they began with.");
                Ok(SeeOther::to(format!("/chains/{}", chain.slug)).saying(said).into())
            }
            Err(error) => {
                let faults = Faults::of(error)?;
                again(page(&cx, &framing, Some(head), &typed, &faults, None)?)
            }
        },
    }
}

/// `POST /chains/{chain}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let given = chain_of(&request)?;
    let head = Head::of(&cx, given, "/edit")?;
    let typed = form.0.iter().find(|it| it.0 == "confirm").map_or("", |it| it.1.as_str());
    let deleted = match confirmed(typed, &head.chain.name) {
        Ok(()) => ops::delete(&cx, given, None).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => {
            let said =
                Flash::ok(format!("{} is deleted. What it did stays in the history.", head.chain.name));
            Ok(SeeOther::to("/chains").saying(said).into())
        }
        Err(error) => {
            let faults = Faults::of(error)?;
            let typed = Typed::of(&head.chain);
            again(page(&cx, &framing, Some(head), &typed, &faults, None)?)
        }
    }
}
