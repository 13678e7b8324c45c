//! A chain as it is drawn: each step with its agent, what it gets, when it runs and what follows a failure.

use std::collections::HashMap;

use crate::access::Cx;
use crate::agents;
use crate::base::{AgentId, Json, Result};
use crate::web::view::duration;
use crate::workflows::input::NewStep;
use crate::workflows::types::{ErrorHandling, OnError};
use crate::workflows::view::ChainView;

pub(super) struct Drawn {
    pub id: String,
    pub agent: String,
    /// Empty where the agent is gone.
    pub agent_href: String,
    pub version: String,
    /// Empty: what came before.
    pub gets: String,
    pub yields: String,
    pub condition: String,
    pub on_error: String,
    /// Whether a failure ends the run.
    pub fails: bool,
    pub limits: Vec<String>,
}

/// Names of agents, each looked up once.
struct Names<'a> {
    cx: &'a Cx,
    known: HashMap<String, (String, String)>,
}

impl Names<'_> {
    /// Name and address.
    fn of(&mut self, agent: &str) -> Result<(String, String)> {
        if let Some(known) = self.known.get(agent) {
            return Ok(known.clone());
        }
        let found = match agent.parse::<AgentId>() {
            Ok(id) => agents::name_of(&self.cx.read()?, id)?,
            Err(_) => None,
        };
        let named = match found {
            Some(it) if it.deleted => (it.name, String::new()),
            Some(it) => (it.name, format!("/agents/{}", it.slug)),
            None => (agent.to_owned(), String::new()),
        };
        self.known.insert(agent.to_owned(), named.clone());
        Ok(named)
    }
}

pub(super) fn drawn(cx: &Cx, chain: &ChainView) -> Result<Vec<Drawn>> {
    let mut names = Names { cx, known: HashMap::new() };
    chain.steps.iter().map(|step| one(&mut names, chain, step)).collect()
}

fn one(names: &mut Names<'_>, chain: &ChainView, step: &NewStep) -> Result<Drawn> {
    let (agent, agent_href) = names.of(&step.agent_id)?;
    let (on_error, fails) = match (&step.on_error, chain.error_handling) {
        (Some(OnError::Fail), _) | (None, ErrorHandling::Fail) => ("the run fails".to_owned(), true),
        (Some(OnError::Continue), _) | (None, ErrorHandling::Continue) => {
            ("the run goes on without it".to_owned(), false)
        }
        (Some(OnError::Goto(id)), _) => (format!("on with step {id}"), false),
        (Some(OnError::Fallback(it)), _) => {
            (format!("{} is asked instead", names.of(&it.agent_id.to_string())?.0), false)
        }
    };
    let attempts = step.retry.as_ref().or(chain.retry_policy.as_ref()).map(|it| it.max_attempts);
    let limits = [
        step.timeout_ms.map(|it| format!("at most {} an attempt", duration(it))),
        attempts.map(|it| if it == 1 { "one attempt".to_owned() } else { format!("{it} attempts") }),
    ];
    Ok(Drawn {
        id: step.id.clone(),
        agent,
        agent_href,
        version: step.version.map(|it| it.to_string()).unwrap_or_default(),
        gets: step.input_mapping.as_ref().map(written).unwrap_or_default(),
        yields: step.output_mapping.as_ref().map(written).unwrap_or_default(),
        condition: step.condition.clone().unwrap_or_default(),
        on_error,
        fails,
        limits: limits.into_iter().flatten().collect(),
    })
}

/// A mapping as people write it: an expression as it is, a shape as JSON.
pub(super) fn written(mapping: &Json) -> String {
    match mapping.to_value() {
        serde_json::Value::String(text) if read_back(&text).is_none() => text,
        value => serde_json::to_string_pretty(&value).unwrap_or_default(),
    }
}

/// What was written as JSON; `None` for what is an expression.
pub(super) fn read_back(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for mapping in [
            json!("previous.text"),
            json!({ "a": "{{ input.b }}" }),
            json!("3"),
            json!(3),
            json!("true"),
            json!("\"x\""),
        ] {
            let text = written(&Json::of(&mapping));
            assert_eq!(read_back(&text).unwrap_or_else(|| Value::from(text.as_str())), mapping, "{text}");
        }
        assert_eq!(written(&Json::of(&json!("previous.text"))), "previous.text");
    }
}
