//! Budgets in words.

use crate::access::{self, Cx};
use crate::agents;
use crate::base::{AgentId, Micros, Result};
use crate::budgets::types::{CURRENCY, OnLimit, Scope, Window};
use crate::budgets::view::BudgetView;
use crate::web::path_segment;
use crate::web::view::{Badge, count, money};

/// Who or what an id names, and the page about it where there is one.
pub(super) struct Named {
    pub name: String,
    pub href: String,
}

impl Named {
    pub(super) fn of(cx: &Cx, id: &str) -> Result<Self> {
        let Ok(agent) = id.parse::<AgentId>() else {
            return Ok(Self { name: access::called(cx, id)?, href: String::new() });
        };
        let name = agents::name_of(&cx.read()?, agent)?.map_or_else(|| id.to_owned(), |it| it.name);
        Ok(Self { name, href: format!("/agents/{agent}") })
    }
}

/// Whose count it is, in a budget that counts each for themselves.
pub(super) fn counted(cx: &Cx, scope: Scope, id: &str) -> Result<Named> {
    match scope {
        Scope::Session => Ok(Named { name: id.to_owned(), href: format!("/sessions/{}", path_segment(id)) }),
        _ => Named::of(cx, id),
    }
}

/// Whose calls count.
pub(super) fn covers(cx: &Cx, it: &BudgetView) -> Result<String> {
    let named = it.subject_id.as_deref().map(|id| Named::of(cx, id)).transpose()?.map(|it| it.name);
    Ok(match (it.scope, named) {
        (Scope::Organization, _) => "The organization".to_owned(),
        (Scope::Agent, None) => "Each agent for itself".to_owned(),
        (Scope::User, None) => "Each person for themselves".to_owned(),
        (Scope::ApiKey, None) => "Each key for itself".to_owned(),
        (Scope::Run, None) => "Each run for itself".to_owned(),
        (Scope::Session, None) => "Each session for itself".to_owned(),
        (Scope::Run, Some(name)) => format!("Each run of {name}"),
        (Scope::Session, Some(name)) => format!("Each session with {name}"),
        (Scope::Agent, Some(name)) => format!("Agent {name}"),
        (Scope::User | Scope::ApiKey, Some(name)) => name,
    })
}

/// Whose calls count, and for how long.
pub(super) fn covers_for(cx: &Cx, it: &BudgetView) -> Result<String> {
    let covers = covers(cx, it)?;
    Ok(if it.window == Window::Run { covers } else { format!("{covers}, {}", window(it.window)) })
}

/// What it allows: `$25.00 and 9,000 tokens`.
pub(super) fn limits(it: &BudgetView) -> String {
    let limits = [
        it.limit_micros.map(|it| money(Micros(it), CURRENCY)),
        it.limit_tokens.map(|it| format!("{} tokens", count(it))),
    ];
    limits.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

pub(super) fn window(it: Window) -> &'static str {
    match it {
        Window::Run => "a run",
        Window::Day => "a day",
        Window::Month => "a month",
        Window::Total => "in all",
    }
}

pub(super) fn at_limit(it: OnLimit) -> &'static str {
    match it {
        OnLimit::Stop => "Calls are refused",
        OnLimit::Warn => "It is told, calls go on",
    }
}

/// Its badge.
pub(super) fn state(it: &BudgetView) -> Badge {
    let refuses = it.standing.as_ref().is_some_and(|standing| {
        it.action == OnLimit::Stop && (standing.percent >= 100 || standing.refused_at.is_some())
    });
    let is_near = it.standing.as_ref().is_some_and(|standing| standing.percent >= 80);
    match (it.enabled, refuses, is_near) {
        (false, _, _) => Badge::of("disabled"),
        (true, true, _) => Badge::of("refused").label("Refuses calls"),
        (true, false, true) => Badge::of("warning").label("Nearly used"),
        (true, false, false) => Badge::of("active"),
    }
}
