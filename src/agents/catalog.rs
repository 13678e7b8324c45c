//! What agents can be made of: the types, and templates to begin with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::input::NewAgent;
use super::ops;
use super::types::{Policy, TriggerMode, Visibility};
use super::view::AgentView;
use crate::access::{Action, Cx};
use crate::adapters::{self, Abilities, Adapter};
use crate::base::{Doing, Error, Json, Result};

/// A type of agent: what it can do, and what it wants to know.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AgentType {
    pub agent_type: &'static str,
    pub label: &'static str,
    pub summary: &'static str,
    /// JSON Schema of an agent's `config`.
    pub config_schema: Value,
    /// Kinds of credential it can use; empty where it takes none.
    pub credential_kinds: &'static [&'static str],
    pub abilities: Abilities,
}

impl AgentType {
    fn of(adapter: &dyn Adapter) -> Self {
        Self {
            agent_type: adapter.kind(),
            label: adapter.label(),
            summary: adapter.summary(),
            config_schema: adapter.config_schema(),
            credential_kinds: adapter.credential_kinds(),
            abilities: adapter.abilities(),
        }
    }
}

pub fn types() -> Vec<AgentType> {
    adapters::all().iter().map(|it| AgentType::of(*it)).collect()
}

/// Errors: `NotFound`.
pub fn type_of(agent_type: &str) -> Result<AgentType> {
    adapters::find(agent_type).map(AgentType::of).ok_or_else(|| missing("agent type", agent_type))
}

/// An agent to begin with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Template {
    /// Its name in addresses: an agent type, or a package that ships with the product.
    pub template: String,
    pub agent_type: String,
    pub name: String,
    pub summary: String,
    /// Whether it works as it is.
    pub complete: bool,
    /// What `POST /api/agents` takes.
    pub agent: NewAgent,
    /// Inputs to try it with.
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sample {
    pub name: String,
    pub input: Value,
}

/// One template for each type.
pub fn templates() -> Result<Vec<Template>> {
    Ok(adapters::all().iter().map(|it| of_adapter(*it)).collect())
}

/// Errors: `NotFound`.
pub fn template(name: &str) -> Result<Template> {
    adapters::find(name).map(of_adapter).ok_or_else(|| missing("template", name))
}

fn missing(noun: &str, name: &str) -> Error {
    let shown: String = name.chars().take(80).collect();
    Error::new(crate::base::Code::NotFound, format!("there is no {noun} {shown}"))
}

fn of_adapter(adapter: &dyn Adapter) -> Template {
    Template {
        template: adapter.kind().to_owned(),
        agent_type: adapter.kind().to_owned(),
        name: adapter.label().to_owned(),
        summary: adapter.summary().to_owned(),
        complete: false,
        agent: blank(adapter.kind(), adapter.label(), adapter.template()),
        samples: Vec::new(),
    }
}

fn blank(agent_type: &str, name: &str, config: Value) -> NewAgent {
    let empty = || Json::of(&Value::Object(serde_json::Map::new()));
    NewAgent {
        name: name.to_owned(),
        slug: None,
        agent_type: agent_type.to_owned(),
        description: String::new(),
        config: Json::of(&config),
        credential_ids: Vec::new(),
        capabilities: Vec::new(),
        tags: Vec::new(),
        persona: String::new(),
        skillset: Vec::new(),
        input_schema: empty(),
        output_schema: empty(),
        trigger_mode: TriggerMode::default(),
        execution: Policy::default(),
        visibility: Visibility::default(),
        metadata: empty(),
    }
}

/// An agent out of a template. What is absent is the template's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromTemplate {
    pub template: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// A JSON merge patch over the template's config.
    #[serde(default)]
    pub config: Option<Value>,
    #[serde(default)]
    pub visibility: Option<Visibility>,
}

/// Errors: `NotFound` for the template; as `create`.
pub async fn from_template(cx: &Cx, request: FromTemplate) -> Result<AgentView> {
    cx.require(Action::AgentsWrite)?;
    let mut agent = template(&request.template)?.agent;
    if let Some(patch) = &request.config {
        let mut config = agent.config.to_value();
        json_patch::merge(&mut config, patch);
        agent.config = Json::parse(&serde_json::to_string(&config).doing("write a config")?)?;
    }
    agent.name = request.name.unwrap_or(agent.name);
    agent.slug = request.slug;
    agent.description = request.description.unwrap_or(agent.description);
    agent.visibility = request.visibility.unwrap_or(agent.visibility);
    ops::create(cx, agent).await
}
