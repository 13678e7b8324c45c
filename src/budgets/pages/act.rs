//! What is done with a budget: changed, deleted.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{Fields, Typed, faults_of};
use super::show::page_of;
use crate::access::{Action, Cx};
use crate::base::{BudgetId, Result};
use crate::budgets::ops;
use crate::budgets::view::BudgetView;
use crate::web::{Flash, Form, FormPairs, Framing, Reply, Route, SeeOther, Sent, again, deleted, part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/budgets/{budget}", update)
            .needs(Action::BudgetsWrite)
            .of("budget")
            .says("Changes name, limits and what happens at the limit")
            .form::<BudgetChangeForm>()
            .answers_plain(303, "Back to the budget.", ""),
        Route::post("/budgets/{budget}/delete", delete)
            .needs(Action::BudgetsWrite)
            .of("budget")
            .says("Deletes a budget")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, so that what was typed comes back; this describes the form")]
struct BudgetChangeForm {
    name: String,
    /// In the currency's units.
    money: String,
    tokens: String,
    action: String,
    enabled: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "BudgetDeleteForm")]
struct DeleteForm {
    /// The name, typed again.
    confirm: String,
}

/// `POST /budgets/{budget}`
async fn update(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: BudgetId = part(&request, "budget")?;
    let typed = Typed::read(form.0);
    match save(&cx, id, &typed).await {
        Ok(_) => {
            Ok(SeeOther::to(format!("/budgets/{id}")).saying(Flash::ok("The changes are saved.")).into())
        }
        Err(error) => {
            let faults = faults_of(error)?;
            let mut page = page_of(&cx, &framing, id)?;
            page.fields = Fields::of(&typed, &faults);
            again(page)
        }
    }
}

async fn save(cx: &Cx, id: BudgetId, typed: &Typed) -> Result<BudgetView> {
    ops::update(cx, id, typed.update()?, None).await
}

/// `POST /budgets/{budget}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let id: BudgetId = part(&request, "budget")?;
    let name = ops::find(&cx, id)?.budget.name;
    let page = |wrong| {
        let mut page = page_of(&cx, &framing, id)?;
        page.other_faults = wrong;
        Ok(page)
    };
    deleted((&form.0.confirm, &name), "/budgets", ops::delete(&cx, id, None), page).await
}
