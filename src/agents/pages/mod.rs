//! Pages of agents, a file per thing people do there.

mod act;
mod batch;
mod code;
mod configuration;
mod console;
mod form;
mod index;
mod new;
mod palette;
mod runs;
mod sample;
mod show;
mod stop;
mod versions;

use actix_web::HttpRequest;

use super::rights::Rights;
use super::view::AgentView;
use super::{ops, rights};
use crate::access::Cx;
use crate::adapters;
use crate::base::Result;
use crate::web::view::href;
use crate::web::{Route, text_part};

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [
        index::routes(),
        new::routes(),
        show::routes(),
        act::routes(),
        stop::routes(),
        console::routes(),
        batch::routes(),
        configuration::routes(),
        versions::routes(),
        runs::routes(),
        code::routes(),
        palette::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A type's name for people.
fn type_label(agent_type: &str) -> &str {
    adapters::find(agent_type).map_or(agent_type, |it| it.label())
}

/// Id or slug, as it stands in the path.
fn agent_of(request: &HttpRequest) -> Result<&str> {
    text_part(request, "agent")
}

/// What stands above every page of one agent.
struct Head {
    agent: AgentView,
    /// `/agents/ticket-triage`.
    place: String,
    rights: Rights,
    /// Label, address, whether it is this page.
    tabs: Vec<(&'static str, String, bool)>,
}

const TABS: &[(&str, &str)] = &[
    ("Overview", ""),
    ("Console", "/console"),
    ("Batch", "/batch"),
    ("Configuration", "/configuration"),
    ("Versions", "/versions"),
    ("Executions", "/executions"),
    ("Code", "/code"),
];

impl Head {
    /// Errors: as `find`.
    fn of(cx: &Cx, id_or_slug: &str, tab: &str) -> Result<Self> {
        let agent = ops::view(cx, id_or_slug)?;
        let rights = rights::access(cx, &ops::find(cx, id_or_slug)?);
        let place = format!("/agents/{}", agent.slug);
        let tabs =
            TABS.iter().map(|(label, path)| (*label, format!("{place}{path}"), *path == tab)).collect();
        Ok(Self { agent, place, rights, tabs })
    }

    fn title(&self, what: &str) -> String {
        if what.is_empty() { self.agent.name.clone() } else { format!("{what} · {}", self.agent.name) }
    }

    /// Whether this page is the tab at `path`.
    fn is_at(&self, path: &str) -> bool {
        self.tabs.iter().any(|it| it.2 && it.1.ends_with(path))
    }

    fn type_label(&self) -> &str {
        type_label(&self.agent.agent_type)
    }

    fn tag_href(&self, tag: &str) -> String {
        href("/agents", [("tag", tag)])
    }

    fn crumbs(&self) -> Vec<(&str, &str)> {
        vec![("Agents", "/agents"), (&self.agent.name, "")]
    }
}
