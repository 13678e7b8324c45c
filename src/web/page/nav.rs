//! The navigation: one list, of which everyone sees what is served and theirs to open.

use actix_web::http::Method;

use crate::access::Cx;
use crate::web::frame::NavItem;
use crate::web::guard::allow;
use crate::web::route::{Access, Route};

/// Group, label, path, icon, keys.
const ENTRIES: &[(&str, &str, &str, &str, &str)] = &[
    ("", "Overview", "/", "overview", "g o"),
    ("", "Agents", "/agents", "agents", "g a"),
    ("", "Chains", "/chains", "workflows", "g h"),
    ("", "Executions", "/executions", "executions", "g e"),
    ("", "Sessions", "/sessions", "message", "g n"),
    ("", "Schedules", "/schedules", "schedules", "g l"),
    ("", "Batches", "/batches", "list", "g b"),
    ("Connect", "Triggers", "/triggers", "zap", "g t"),
    ("Connect", "Credentials", "/credentials", "lock", "g c"),
    ("Connect", "API keys", "/keys", "key", "g k"),
    ("Connect", "Developers", "/developers", "code", "g d"),
    ("Organization", "Members", "/members", "people", "g m"),
    ("Organization", "Settings", "/organization", "settings", "g s"),
    ("Organization", "Budgets", "/budgets", "coins", "g p"),
    ("Organization", "Webhooks", "/webhooks", "webhook", "g w"),
    ("Organization", "Audit", "/audit", "audit", "g u"),
    ("Organization", "Egress", "/egress", "external", "g x"),
];

/// What `cx` may open at all; for nobody, what anyone may.
pub(super) fn entries(routes: &[Route], cx: Option<&Cx>, path: &str) -> Vec<NavItem> {
    ENTRIES
        .iter()
        .filter(|it| routes.iter().any(|route| leads(route, it.2) && may_open(route, cx)))
        .map(|(group, label, href, icon, keys)| {
            NavItem::new(label, href, icon).group(group).keys(keys).at(path)
        })
        .collect()
}

fn leads(route: &Route, href: &str) -> bool {
    route.method == Method::GET && route.path == href
}

fn may_open(route: &Route, cx: Option<&Cx>) -> bool {
    match cx {
        Some(cx) => allow(route.access, cx).is_ok(),
        None => route.access == Access::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn every_entry_has_its_own_keys_and_an_icon_that_is_drawn() {
        let sprite = include_str!("../../../static/icons.svg");
        for (place, entry) in ENTRIES.iter().enumerate() {
            assert!(ENTRIES[..place].iter().all(|it| it.4 != entry.4 && it.2 != entry.2), "{}", entry.1);
            assert!(sprite.contains(&format!("id=\"{}\"", entry.3)), "{}", entry.3);
        }
    }
}
