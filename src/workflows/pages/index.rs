//! The list of chains.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};
use crate::workflows::ops::{self, ChainFilter};
use crate::workflows::view::ChainView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chains", show)
            .needs(Action::WorkflowsRead)
            .query::<ListQuery>()
            .says("The chains one may see")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "workflows/index.html")]
struct Index {
    frame: Frame,
    chains: Vec<ChainView>,
    q: String,
    first_href: String,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

impl Index {
    fn clear_href(&self) -> &'static str {
        if self.q.is_empty() { "" } else { "/chains" }
    }

    /// `fetch → sum up → send`, shortened.
    fn steps(&self, chain: &ChainView) -> String {
        const SHOWN: usize = 5;
        let mut ids: Vec<&str> = chain.steps.iter().take(SHOWN).map(|it| it.id.as_str()).collect();
        if chain.steps.len() > SHOWN {
            ids.push("…");
        }
        ids.join(" → ")
    }
}

/// `GET /chains`
async fn show(cx: Cx, framing: Framing, query: Query<ListQuery>) -> Reply<Html> {
    let ListQuery { q, cursor } = query.0;
    let q = q.trim().to_owned();
    let filter = ChainFilter { q: (!q.is_empty()).then(|| q.clone()) };
    let page = ops::list(&cx, &filter, &PageRequest::parse(None, Some(&cursor))?)?;
    let href = |cursor: &str| href("/chains", [("q", q.as_str()), ("cursor", cursor)]);
    render(Index {
        frame: framing.frame("Chains")?,
        chains: page.items,
        first_href: if cursor.is_empty() { String::new() } else { href("") },
        next_href: page.next_cursor.map(|it| href(&it)).unwrap_or_default(),
        may_write: cx.may(Action::WorkflowsWrite),
        now: cx.now(),
        q,
    })
}
