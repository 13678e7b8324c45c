//! Finding out what answers at an address, so that agents can be made of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::check::wrong_by_itself;
use super::super::input::NewAgent;
use super::probe::call_of;
use crate::access::{Action, Cx};
use crate::adapters::{self, Adapter, Call, CallError, Found};
use crate::base::{CredentialId, Error, Json, Result};
use crate::connections::{self, Opened, Use};
use crate::infra::egress::parse_url;

/// What has not answered by then is not there.
const TIME: Duration = Duration::from_secs(15);
/// Of everything that is found; nobody chooses from a longer list.
const MOST_AGENTS: usize = 200;
const MAX_NAME_CHARS: usize = 120;

/// Where to look.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::agents) struct Place {
    /// The address of a server, or of something on it.
    #[schemars(length(min = 1, max = 2_000))]
    pub url: String,
    /// What lets us in there. Only platforms that can use these kinds are looked for.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub credential_ids: Vec<CredentialId>,
}

/// What answers at an address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::agents) struct Discovery {
    /// Agents that could be made of it: each is a body for `POST /api/agents`. Empty where nothing that is known answers.
    pub agents: Vec<NewAgent>,
    /// Platforms of which it could not be found out whether they are there.
    pub problems: Vec<DiscoveryProblem>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::agents) struct DiscoveryProblem {
    pub agent_type: &'static str,
    pub message: String,
}

/// Asks what answers at an address, by every platform that can be recognized. Nothing is set going there, and nothing is
/// kept here.
///
/// Errors: `ValidationFailed` for what is no address; those of `connections::open`. What the far end says is in the
/// answer.
pub(in crate::agents) async fn discover(cx: &Cx, place: Place) -> Result<Discovery> {
    cx.require(Action::AgentsTest)?;
    let address = parse_url(&place.url).map_err(|it| Error::invalid_at("/url", it.message))?;
    let why = Use { purpose: "discovery", actor: cx.actor().clone(), agent: None, execution: None };
    let mut opened = connections::open(cx.services(), cx.org(), &place.credential_ids, why).await?;
    let stop = CancellationToken::new();
    let _stops_at_the_end = stop.clone().drop_guard();
    let call = call_of(cx, None, "discovery", TIME, stop, &mut opened);
    let mut discovery = Discovery { agents: Vec::new(), problems: Vec::new() };
    for adapter in adapters::all().iter().filter(|it| can_use(**it, &call)) {
        match tokio::time::timeout(TIME, adapter.discover(&call, &address)).await {
            Ok(Ok(found)) => {
                let agents = found.into_iter().filter_map(|it| agent_of(*adapter, it, &place, &opened));
                discovery.agents.extend(agents.take(MOST_AGENTS.saturating_sub(discovery.agents.len())));
            }
            Ok(Err(error)) => discovery.problems.push(problem(*adapter, &error, &opened)),
            Err(_) => discovery.problems.push(DiscoveryProblem {
                agent_type: adapter.kind(),
                message: format!("nothing was heard within {} s", TIME.as_secs()),
            }),
        }
    }
    Ok(discovery)
}

fn can_use(adapter: &dyn Adapter, call: &Call) -> bool {
    call.credentials.iter().all(|it| adapter.credential_kinds().contains(&it.kind.as_str()))
}

fn problem(adapter: &dyn Adapter, error: &CallError, opened: &Opened) -> DiscoveryProblem {
    DiscoveryProblem { agent_type: adapter.kind(), message: opened.clean(error.message.clone()) }
}

/// An agent that could be created as it is; without its schemas where these are none. What the far end says back of the
/// credentials is left out.
fn agent_of(adapter: &dyn Adapter, found: Found, place: &Place, opened: &Opened) -> Option<NewAgent> {
    let name: String = found.name.trim().chars().filter(|it| !it.is_control()).take(MAX_NAME_CHARS).collect();
    let description: String = found.description.unwrap_or_default().chars().take(4_000).collect();
    let agent = |input: Option<Value>, output: Option<Value>| {
        let agent = json!({
            "name": name, "agent_type": adapter.kind(), "description": description,
            "config": found.config, "credential_ids": place.credential_ids,
            "input_schema": input.unwrap_or_else(|| json!({})), "output_schema": output.unwrap_or_else(|| json!({})),
        });
        let agent = opened.clean_json(Json::of(&agent));
        serde_json::from_str::<NewAgent>(agent.as_str()).ok().filter(|it| is_sound(adapter, it))
    };
    agent(found.input_schema, found.output_schema).or_else(|| agent(None, None))
}

fn is_sound(adapter: &dyn Adapter, agent: &NewAgent) -> bool {
    let (_, agent_type, update) = agent.clone().split();
    !update.name.is_empty()
        && wrong_by_itself(adapter, &update.definition(&agent_type)).is_ok_and(|it| it.is_empty())
}
