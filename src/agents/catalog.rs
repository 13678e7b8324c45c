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
use crate::packages::{self, Package};

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
#[schemars(rename = "AgentTemplate")]
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
#[schemars(rename = "SampleInput")]
pub struct Sample {
    pub name: String,
    pub input: Value,
}

/// The packages that ship with the product, then one template for each type.
///
/// Errors: only ours.
pub fn templates() -> Result<Vec<Template>> {
    let packages = packages::all()?.into_iter().map(of_package).collect::<Result<Vec<_>>>()?;
    Ok(packages.into_iter().chain(adapters::all().iter().map(|it| of_adapter(*it))).collect())
}

/// Errors: `NotFound`.
pub fn template(name: &str) -> Result<Template> {
    if let Some(adapter) = adapters::find(name) {
        return Ok(of_adapter(adapter));
    }
    match packages::get(name)? {
        Some(package) => of_package(package),
        None => Err(missing("template", name)),
    }
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

fn of_package(package: Package) -> Result<Template> {
    let manifest = package.manifest;
    let mut agent = blank(&manifest.agent_type, &manifest.name, manifest.config);
    agent.description = manifest.description.clone();
    agent.capabilities = manifest.capabilities;
    agent.tags = manifest.tags;
    agent.persona = package.instructions;
    agent.input_schema = Json::of(&package.input_schema);
    agent.output_schema = Json::of(&package.output_schema);
    let limits = manifest.execution;
    let policy = &mut agent.execution;
    policy.timeout_ms = limits.timeout_ms.unwrap_or(policy.timeout_ms);
    policy.retry.max_attempts = limits.max_attempts.unwrap_or(policy.retry.max_attempts);
    policy.max_concurrency = limits.max_concurrency;
    policy.rate_limit_per_minute = limits.rate_limit_per_minute;
    agent.metadata =
        Json::of(&serde_json::json!({ "package": manifest.slug, "package_version": manifest.version }));
    let samples = package.samples.into_iter().map(|it| Sample { name: it.name, input: it.input }).collect();
    Ok(Template {
        template: manifest.slug,
        agent_type: manifest.agent_type,
        name: manifest.name,
        summary: manifest.description,
        complete: true,
        agent,
        samples,
    })
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
