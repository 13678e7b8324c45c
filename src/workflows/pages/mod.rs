//! Pages of chains, a file per thing people do there.

mod console;
mod edit;
mod form;
mod index;
mod runs;
mod show;
mod sketch;

use actix_web::HttpRequest;

use super::ops;
use super::rights::Rights;
use super::view::ChainView;
use crate::access::Cx;
use crate::base::Result;
use crate::web::{Route, text_part};

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), edit::routes(), show::routes(), console::routes(), runs::routes()]
        .into_iter()
        .flatten()
        .collect()
}

/// Id or slug, as it stands in the path.
fn chain_of(request: &HttpRequest) -> Result<&str> {
    text_part(request, "chain")
}

/// What stands above every page of one chain.
struct Head {
    chain: ChainView,
    /// `/chains/ticket-triage`.
    place: String,
    rights: Rights,
    /// Label, address, whether it is this page.
    tabs: Vec<(&'static str, String, bool)>,
}

const TABS: &[(&str, &str)] =
    &[("Steps", ""), ("Run", "/console"), ("Edit", "/edit"), ("Executions", "/executions")];

impl Head {
    /// Errors: as `find`.
    fn of(cx: &Cx, id_or_slug: &str, tab: &str) -> Result<Self> {
        let (chain, rights) = ops::seen(cx, id_or_slug)?;
        let place = format!("/chains/{}", chain.slug);
        let open = |it: &str| match it {
            "/edit" => rights.write,
            "/console" => rights.execute,
            _ => true,
        };
        let tabs = TABS.iter().filter(|it| open(it.1));
        let tabs = tabs.map(|(label, path)| (*label, format!("{place}{path}"), *path == tab)).collect();
        Ok(Self { chain, place, rights, tabs })
    }

    fn title(&self, what: &str) -> String {
        if what.is_empty() { self.chain.name.clone() } else { format!("{what} · {}", self.chain.name) }
    }

    fn crumbs(&self) -> Vec<(&str, &str)> {
        vec![("Chains", "/chains"), (&self.chain.name, "")]
    }
}
