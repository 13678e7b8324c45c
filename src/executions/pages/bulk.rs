//! The same for all runs that fit: what it would do first, then the doing.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::index::Filters;
use crate::access::{Action, Cx};
use crate::base::{Cursor, Error, Micros, Result};
use crate::executions::ops::{self, BulkAction, BulkAnswer, VersionChoice};
use crate::executions::runner_of;
use crate::web::view::{count, href, money};
use crate::web::{Flash, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/executions/bulk", show)
            .needs(Action::ExecutionsCancel)
            .query::<Asked>()
            .says("What a bulk action would do")
            .answers_plain(200, "The page.", HTML),
        Route::post("/executions/bulk", run)
            .needs(Action::ExecutionsCancel)
            .form::<Asked>()
            .says("Cancels or retries runs, 500 at most; leads on where more are left")
            .answers_plain(303, "Back to the list, or on to the rest.", ""),
    ]
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
struct Asked {
    #[serde(default)]
    action: Option<BulkAction>,
    #[serde(default)]
    version: VersionChoice,
    /// Where the rest begins.
    #[serde(default)]
    after: String,
    #[serde(flatten)]
    filters: Filters,
}

#[derive(Template)]
#[template(path = "executions/bulk.html")]
struct Bulk {
    frame: Frame,
    title: &'static str,
    action: &'static str,
    answer: BulkAnswer,
    groups: Vec<(String, String, String)>,
    cost: String,
    /// Hidden fields.
    pairs: Vec<(String, String)>,
    back_href: String,
}

/// `GET /executions/bulk`
async fn show(cx: Cx, framing: Framing, query: Query<Asked>) -> Reply<Html> {
    let asked = query.0;
    let after = after(&asked)?;
    let filter = asked.filters.read(&cx)?;
    let wanted = asked.action.unwrap_or(BulkAction::Retry);
    let answer = ops::bulk(&cx, &filter, wanted, asked.version, true, after).await?;
    let (title, action) = match wanted {
        BulkAction::Cancel => ("Cancel all that fit", "cancel"),
        BulkAction::Retry => ("Retry all that fit", "retry"),
    };
    let mut groups = Vec::new();
    for it in &answer.groups {
        let name = runner_of(&cx, &cx.read()?, it.agent_id, None);
        let name = it.agent_id.map_or(Ok("Workflows".to_owned()), |_| name.map(|it| it.name))?;
        let mean = it.mean_cost_micros.map_or_else(|| "not known".to_owned(), |it| money(Micros(it), "USD"));
        groups.push((name, count(it.runs), mean));
    }
    let pairs = asked.filters.pairs().into_iter().filter(|it| !it.1.is_empty());
    let mut pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    pairs.push(("after".to_owned(), asked.after.clone()));
    render(Bulk {
        frame: framing.frame(title)?,
        title,
        action,
        cost: cost(&answer),
        groups,
        pairs,
        back_href: href("/executions", asked.filters.pairs()),
        answer,
    })
}

/// `POST /executions/bulk`
async fn run(cx: Cx, form: Form<Asked>) -> Reply<SeeOther> {
    let asked = form.0;
    let after = after(&asked)?;
    let filter = asked.filters.read(&cx)?;
    let wanted = asked.action.ok_or_else(|| Error::invalid_at("action", "is cancel or retry"))?;
    let answer = ops::bulk(&cx, &filter, wanted, asked.version, false, after).await?;
    let done = match wanted {
        BulkAction::Cancel => format!("{} runs are cancelled.", count(answer.done)),
        BulkAction::Retry => format!("{} runs begin once more.", count(answer.done)),
    };
    let said = match answer.failed.first() {
        None => Flash::ok(&done),
        Some(first) => Flash::bad(format!(
            "{done} {} could not: the first because {}.",
            answer.failed.len(),
            first.message
        )),
    };
    let action = if wanted == BulkAction::Cancel { "cancel" } else { "retry" };
    let next = match &answer.next_cursor {
        // Perhaps none of the rest fits; the next page says so.
        Some(cursor) if answer.matched > 0 => {
            let rest = [("action", action), ("after", cursor.as_str())];
            href("/executions/bulk", asked.filters.pairs().into_iter().chain(rest))
        }
        _ => href("/executions", asked.filters.pairs()),
    };
    Ok(SeeOther::to(next).saying(said))
}

fn after(asked: &Asked) -> Result<Option<Cursor>> {
    Some(asked.after.as_str()).filter(|it| !it.is_empty()).map(Cursor::parse).transpose()
}

fn cost(answer: &BulkAnswer) -> String {
    let unpriced = format!("{} runs of agents whose price is not known", count(answer.unpriced));
    match (answer.estimated_cost_micros, answer.unpriced) {
        (Some(micros), 0) => format!("about {}", money(Micros(micros), "USD")),
        (Some(micros), _) => format!("about {}, and {unpriced}", money(Micros(micros), "USD")),
        (None, _) => "not known: no run of these agents has a price yet".to_owned(),
    }
}
