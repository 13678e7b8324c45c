//! What the command palette finds beside the pages of the navigation.

use actix_web::HttpResponse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::AgentFilter;
use super::super::ops;
use crate::access::{Action, Cx};
use crate::base::{ExecutionId, PageRequest};
use crate::executions;
use crate::web::{Query, Reply, Route};

const MAX_AGENTS: usize = 8;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/palette", find)
            .needs(Action::AgentsRead)
            .query::<Asked>()
            .says("Agents, runs and actions by a few letters")
            .answers_plain(200, "A list of entries.", "application/json"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    q: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    label: String,
    href: String,
    hint: String,
    group: &'static str,
}

/// Label, address, what it needs.
const ACTIONS: &[(&str, &str, Action)] = &[
    ("New agent", "/agents/new", Action::AgentsWrite),
    ("New schedule", "/schedules/new", Action::SchedulesWrite),
    ("Agents that are unhealthy", "/agents?health=unhealthy", Action::AgentsRead),
    ("Your profile and sessions", "/profile", Action::ProfileRead),
];

/// `GET /palette?q=`
async fn find(cx: Cx, query: Query<Asked>) -> Reply<HttpResponse> {
    let q = query.0.q.unwrap_or_default().trim().to_owned();
    let mut found = Vec::new();
    if !q.is_empty() {
        let filter = AgentFilter { q: Some(q.clone()), ..AgentFilter::default() };
        for agent in ops::list(&cx, &filter, &PageRequest::first(MAX_AGENTS))?.items {
            found.push(Entry {
                label: agent.name,
                href: format!("/agents/{}", agent.slug),
                hint: agent.agent_type,
                group: "Agents",
            });
        }
        if let Some(run) = q.parse::<ExecutionId>().ok().and_then(|it| executions::find(&cx, it).ok()) {
            found.push(Entry {
                label: run.id.to_string(),
                href: format!("/executions/{}", run.id),
                hint: run.status.name().to_owned(),
                group: "Executions",
            });
        }
    }
    let small = q.to_lowercase();
    let fitting = ACTIONS.iter().filter(|it| cx.may(it.2) && it.0.to_lowercase().contains(&small));
    found.extend(fitting.map(|(label, href, _)| Entry {
        label: (*label).to_owned(),
        href: (*href).to_owned(),
        hint: String::new(),
        group: "Actions",
    }));
    Ok(HttpResponse::Ok().json(found))
}
