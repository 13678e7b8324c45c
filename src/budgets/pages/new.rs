//! A new budget.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Fields, Typed, faults_of};
use crate::access::{Action, Cx};
use crate::base::Result;
use crate::budgets::ops;
use crate::budgets::types::Scope;
use crate::budgets::view::BudgetView;
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, again, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/budgets/new", new)
            .needs(Action::BudgetsWrite)
            .query::<Chosen>()
            .says("Asks whose calls are to be limited, and how")
            .answers_plain(200, "The page.", HTML),
        Route::post("/budgets", create)
            .needs(Action::BudgetsWrite)
            .says("Makes a budget")
            .form::<BudgetForm>()
            .answers_plain(303, "To the budget.", ""),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewBudgetQuery")]
struct Chosen {
    /// Id of the agent that is to be limited.
    #[serde(default)]
    agent: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, so that what was typed comes back; this describes the form")]
struct BudgetForm {
    name: String,
    /// A scope, and a colon and an id where it names one.
    covers: String,
    window: String,
    /// In the currency's units.
    money: String,
    tokens: String,
    action: String,
    enabled: Option<bool>,
}

#[derive(Template)]
#[template(path = "budgets/new.html")]
struct New {
    frame: Frame,
    fields: Fields,
}

fn page(cx: &Cx, framing: &Framing, typed: &Typed, faults: &Faults) -> Result<New> {
    Ok(New { frame: framing.frame("New budget")?, fields: Fields::new(cx, typed, faults)? })
}

/// `GET /budgets/new`
async fn new(cx: Cx, framing: Framing, query: Query<Chosen>) -> Reply<Html> {
    let mut typed = Typed::new();
    if !query.0.agent.is_empty() {
        typed.covers = format!("{}:{}", Scope::Agent.name(), query.0.agent);
    }
    render(page(&cx, &framing, &typed, &Faults::none())?)
}

/// `POST /budgets`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    match made(&cx, &typed).await {
        Ok(made) => {
            let said = Flash::ok("The budget is in force.");
            Ok(SeeOther::to(format!("/budgets/{}", made.id)).saying(said).into())
        }
        Err(error) => again(page(&cx, &framing, &typed, &faults_of(error)?)?),
    }
}

async fn made(cx: &Cx, typed: &Typed) -> Result<BudgetView> {
    ops::create(cx, typed.new_budget()?).await
}
