//! The egress ledger to look through: where the organization's traffic went, or was kept from.

use std::collections::HashMap;

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::contacts::{EgressFilter, EgressView, egress};
use super::ledger::flush;
use crate::access::{Action, Cx};
use crate::agents::{self, AgentFilter, Sort};
use crate::base::{AgentId, PageRequest, Result, Timestamp};
use crate::web::view::href;
use crate::web::{Frame, Framing, Html, Query, Reply, Route, render};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/egress", index)
            .needs(Action::EgressRead)
            .query::<Filters>()
            .says("Where traffic went, or was kept from")
            .answers_plain(200, "The page.", "text/html; charset=utf-8"),
    ]
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "EgressFilters")]
struct Filters {
    /// A whole host name.
    #[serde(default)]
    q: String,
    /// Id or slug.
    #[serde(default)]
    agent: String,
    /// `yes` where something was refused, `no` where nothing was.
    #[serde(default)]
    refused: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "metering/egress.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    clear_href: &'static str,
    agents: Vec<(String, String)>,
    rows: Vec<(EgressView, String)>,
    first_href: String,
    next_href: String,
    now: Timestamp,
}

impl Index {
    /// A refusal's name in words; one that has none is shown as it is.
    fn refusal<'a>(&self, name: &'a str) -> &'a str {
        match name {
            "url" => "not an address",
            "scheme" => "neither http nor https",
            "user_info" => "a password in the address",
            "private" => "a private address",
            "reserved" => "a reserved address",
            "loopback" => "a loopback address",
            "link_local" => "a link-local address",
            "metadata" => "a cloud's metadata address",
            "embedded" => "an address within an address",
            "nobody" => "nobody's address",
            "private_name" => "a name of a private network",
            "ourselves" => "Reeve's own address",
            "secret_host" => "not a host of the credential",
            "downgrade" => "led from https to http",
            "peer" => "another address answered",
            other => other,
        }
    }
}

/// `GET /egress`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    cx.require(Action::EgressRead)?;
    let filters = query.0;
    let page = PageRequest::parse(None, Some(&filters.cursor))?;
    let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
    let filter = EgressFilter {
        host: given(&filters.q),
        agent: given(&filters.agent).map(|it| agents::find(&cx, &it).map(|it| it.id)).transpose()?,
        refused: match filters.refused.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
    };
    // What was counted until now is looked at too.
    flush(cx.services()).await;
    let found = egress(&cx.read()?, &filter, &page)?;
    let kept = [("q", filters.q.as_str()), ("agent", &filters.agent), ("refused", &filters.refused)];
    render(Index {
        frame: framing.frame("Egress")?,
        clear_href: if kept.iter().any(|it| !it.1.is_empty()) { "/egress" } else { "" },
        agents: choices(&cx)?,
        first_href: if filters.cursor.is_empty() { String::new() } else { href("/egress", kept) },
        next_href: match &found.next_cursor {
            Some(next) => href("/egress", kept.into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        rows: named(&cx, found.items)?,
        now: cx.now(),
        filters,
    })
}

/// Slug and name of the agents to choose from.
fn choices(cx: &Cx) -> Result<Vec<(String, String)>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let found = agents::list(cx, &filter, &PageRequest::first(crate::base::MAX_LIMIT))?;
    Ok(found.items.into_iter().map(|it| (it.slug, it.name)).collect())
}

fn named(cx: &Cx, found: Vec<EgressView>) -> Result<Vec<(EgressView, String)>> {
    let rows = cx.read()?;
    let mut names: HashMap<AgentId, String> = HashMap::new();
    let mut shown = Vec::new();
    for it in found {
        let name = match it.agent_id {
            None => String::new(),
            Some(id) => match names.get(&id) {
                Some(name) => name.clone(),
                None => agents::name_of(&rows, id)?.map_or_else(|| id.to_string(), |it| it.name),
            },
        };
        if let Some(id) = it.agent_id {
            names.insert(id, name.clone());
        }
        shown.push((it, name));
    }
    Ok(shown)
}
