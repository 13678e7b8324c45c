//! REST endpoints of budgets.

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ops;
use super::types::{BudgetUpdate, NewBudget};
use super::view::{BudgetDetail, BudgetView};
use crate::access::{Action, Cx};
use crate::base::{BudgetId, Code, Page, PageRequest, Result};
use crate::web::{
    Body, Created, Found, NoContent, Query, Reply, Route, expected_revision, part, tagged_revision,
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/budgets", list)
            .needs(Action::BudgetsRead)
            .says("Budgets with how they stand, newest first")
            .query::<ListQuery>()
            .answers::<Page<BudgetView>>(200, "One page of budgets"),
        Route::put("/api/budgets", replace_all)
            .needs(Action::BudgetsWrite)
            .says("Make the budgets be these, told apart by their names; those that stay keep their counts")
            .takes::<AllBudgets>()
            .answers::<AllBudgetViews>(200, "All budgets")
            .errs(&[Code::OrganizationLimitExceeded, Code::Conflict]),
        Route::post("/api/budgets", create)
            .needs(Action::BudgetsWrite)
            .says("Limit what runs may use in money, tokens or both")
            .takes::<NewBudget>()
            .answers::<BudgetView>(201, "The budget")
            .errs(&[Code::OrganizationLimitExceeded, Code::Conflict]),
        Route::get("/api/budgets/{budget}", show)
            .needs(Action::BudgetsRead)
            .of("budget")
            .says("One budget, and who used it in the present window")
            .answers::<BudgetDetail>(200, "The budget"),
        Route::put("/api/budgets/{budget}", update)
            .needs(Action::BudgetsWrite)
            .of("budget")
            .says("Replace name, limits and what happens at the limit; what was used stays counted")
            .takes::<BudgetUpdate>()
            .answers::<BudgetView>(200, "The budget as it is now")
            .errs(&[Code::Conflict]),
        Route::delete("/api/budgets/{budget}", delete)
            .needs(Action::BudgetsWrite)
            .of("budget")
            .says("Delete a budget with its counts")
            .answers_plain(204, "Deleted", ""),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BudgetQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AllBudgets {
    #[schemars(length(max = 200))]
    items: Vec<NewBudget>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AllBudgetViews {
    items: Vec<BudgetView>,
}

/// `GET /api/budgets`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<BudgetView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(ops::list(&cx, &page)?))
}

/// `PUT /api/budgets`
async fn replace_all(cx: Cx, body: Body<AllBudgets>) -> Reply<Found<AllBudgetViews>> {
    Ok(Found(AllBudgetViews { items: ops::replace_all(&cx, body.0.items).await? }))
}

/// `POST /api/budgets`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewBudget>) -> Reply<HttpResponse> {
    let body = ops::create(&cx, body.0).await?;
    let (location, revision) = (format!("/api/budgets/{}", body.id), body.revision);
    Ok(tagged_revision(Created { location, body }.respond_to(&request), revision))
}

/// `GET /api/budgets/{budget}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    let found = ops::find(&cx, part(&request, "budget")?)?;
    let revision = found.budget.revision;
    Ok(tagged_revision(Found(found).respond_to(&request), revision))
}

/// `PUT /api/budgets/{budget}`
async fn update(cx: Cx, request: HttpRequest, body: Body<BudgetUpdate>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    let view = ops::update(&cx, part(&request, "budget")?, body.0, expected).await?;
    let revision = view.revision;
    Ok(tagged_revision(Found(view).respond_to(&request), revision))
}

/// `DELETE /api/budgets/{budget}`
async fn delete(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, part(&request, "budget")?, expected).await?;
    Ok(NoContent)
}

fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    expected_revision(request, || Ok(ops::find(cx, part::<BudgetId>(request, "budget")?)?.budget.revision))
}
