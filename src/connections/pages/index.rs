//! The list of credentials.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{KINDS, kind_of, words};
use crate::access::{Action, Cx};
use crate::base::{PageRequest, Timestamp};
use crate::connections::ops;
use crate::connections::view::{CredentialFilter, CredentialView};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/credentials", index)
            .needs(Action::CredentialsRead)
            .query::<Filters>()
            .says("Credentials; never their values")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "CredentialFilters")]
struct Filters {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "connections/index.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    clear_href: &'static str,
    kinds: Vec<(&'static str, &'static str)>,
    rows: Vec<(CredentialView, &'static str)>,
    first_href: String,
    next_href: String,
    may_write: bool,
    now: Timestamp,
}

/// `GET /credentials`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    let filters = query.0;
    let page = PageRequest::parse(None, Some(&filters.cursor))?;
    let q = Some(filters.q.trim().to_owned()).filter(|it| !it.is_empty());
    let found = ops::list(&cx, &CredentialFilter { kind: kind_of(&filters.kind), q }, &page)?;
    let kept = [("q", filters.q.as_str()), ("kind", filters.kind.as_str())];
    let narrows = kept.iter().any(|it| !it.1.is_empty());
    render(Index {
        frame: framing.frame("Credentials")?,
        clear_href: if narrows { "/credentials" } else { "" },
        kinds: KINDS.iter().map(|it| (it.kind.name(), it.label)).collect(),
        rows: found.items.into_iter().map(|it| (it.kind, it)).map(|it| (it.1, words(it.0).label)).collect(),
        first_href: if filters.cursor.is_empty() { String::new() } else { href("/credentials", kept) },
        next_href: match found.next_cursor {
            Some(next) => href("/credentials", kept.into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        may_write: cx.may(Action::CredentialsWrite),
        now: cx.now(),
        filters,
    })
}
