//! What callers send, and which of it is valid by itself.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::Status;
use super::types::{Agent, Definition, Health, Policy, TriggerMode, Visibility};
use crate::base::{Code, CredentialId, Error, Invalid, Json, Result};

pub(super) const MAX_NAME_CHARS: usize = 120;
const MAX_DESCRIPTION_CHARS: usize = 4_000;
const MAX_PERSONA_CHARS: usize = 64_000;
const MAX_CONFIG_BYTES: usize = 256 << 10;
const MAX_METADATA_BYTES: usize = 16 << 10;
const MAX_LABEL_CHARS: usize = 80;
const MAX_TAGS: usize = 32;
const MAX_CAPABILITIES: usize = 64;
const MAX_SKILLS: usize = 64;
const MAX_CREDENTIALS: usize = 16;
const MAX_SLUG_CHARS: usize = 60;
const MAX_CHANGELOG_CHARS: usize = 4_000;
const DAY_MS: u64 = 86_400_000;

/// Words that stand in addresses where a slug could.
pub(super) const RESERVED_SLUGS: &[&str] = &["validate", "from-template", "route", "new"];

fn empty_object() -> Json {
    Json::of(&Value::Object(serde_json::Map::new()))
}

fn object_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

/// A new agent, whose first version is a draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Unique in the organization.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// The name in addresses; made of `name` where absent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub slug: Option<String>,
    pub agent_type: String,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    /// As the schema of the type says.
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub config: Json,
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub credential_ids: Vec<CredentialId>,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub capabilities: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 80)))]
    pub tags: Vec<String>,
    /// The agent's instructions.
    #[serde(default)]
    #[schemars(length(max = 64_000))]
    pub persona: String,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub skillset: Vec<String>,
    /// JSON Schema of its input; `{}` takes anything.
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub output_schema: Json,
    #[serde(default)]
    pub trigger_mode: TriggerMode,
    #[serde(default)]
    pub execution: Policy,
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub metadata: Json,
}

/// The whole of what can be changed. What is absent takes its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// May be given, and is then the type that the agent has.
    #[serde(default)]
    pub agent_type: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 4_000))]
    pub description: String,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub config: Json,
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub credential_ids: Vec<CredentialId>,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub capabilities: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 80)))]
    pub tags: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 64_000))]
    pub persona: String,
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)))]
    pub skillset: Vec<String>,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub input_schema: Json,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub output_schema: Json,
    #[serde(default)]
    pub trigger_mode: TriggerMode,
    #[serde(default)]
    pub execution: Policy,
    #[serde(default)]
    pub visibility: Visibility,
    #[serde(default = "empty_object")]
    #[schemars(schema_with = "object_schema")]
    pub metadata: Json,
}

/// A JSON merge patch (RFC 7396) over what `PUT` takes: only what is named changes, `null` gives the default back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AgentPatch(#[schemars(schema_with = "object_schema")] pub Value);

impl NewAgent {
    /// The same as a change, with the slug that was asked for.
    pub(super) fn split(self) -> (Option<String>, String, AgentUpdate) {
        let update = AgentUpdate {
            name: self.name,
            agent_type: Some(self.agent_type.clone()),
            description: self.description,
            config: self.config,
            credential_ids: self.credential_ids,
            capabilities: self.capabilities,
            tags: self.tags,
            persona: self.persona,
            skillset: self.skillset,
            input_schema: self.input_schema,
            output_schema: self.output_schema,
            trigger_mode: self.trigger_mode,
            execution: self.execution,
            visibility: self.visibility,
            metadata: self.metadata,
        };
        (self.slug, self.agent_type, update)
    }
}

impl AgentUpdate {
    /// An agent as it stands, in the form in which it is changed.
    pub fn of(agent: &Agent, definition: &Definition) -> Self {
        Self {
            name: agent.name.clone(),
            agent_type: Some(agent.agent_type.clone()),
            description: agent.description.clone(),
            config: definition.config.clone(),
            credential_ids: definition.credential_ids.clone(),
            capabilities: agent.capabilities.clone(),
            tags: agent.tags.clone(),
            persona: definition.persona.clone(),
            skillset: definition.skillset.clone(),
            input_schema: definition.input_schema.clone(),
            output_schema: definition.output_schema.clone(),
            trigger_mode: agent.trigger_mode,
            execution: definition.execution.clone(),
            visibility: agent.visibility,
            metadata: agent.metadata.clone(),
        }
    }

    pub(super) fn definition(&self, agent_type: &str) -> Definition {
        Definition {
            agent_type: agent_type.to_owned(),
            config: self.config.clone(),
            credential_ids: self.credential_ids.clone(),
            persona: self.persona.clone(),
            skillset: self.skillset.clone(),
            input_schema: self.input_schema.clone(),
            output_schema: self.output_schema.clone(),
            execution: self.execution.clone(),
        }
    }

    /// What is wrong with the labels: name, description, tags and the like.
    pub(super) fn wrong_labels(&self) -> Vec<Invalid> {
        let mut wrong = Wrong::default();
        wrong.name("/name", &self.name);
        wrong.text("/description", &self.description, MAX_DESCRIPTION_CHARS);
        wrong.labels("/tags", &self.tags, MAX_TAGS);
        wrong.labels("/capabilities", &self.capabilities, MAX_CAPABILITIES);
        wrong.object("/metadata", &self.metadata, MAX_METADATA_BYTES);
        wrong.0
    }
}

/// What is wrong with the definition, apart from what its type and its schemas say.
pub(super) fn wrong_definition(definition: &Definition) -> Vec<Invalid> {
    let mut wrong = Wrong::default();
    wrong.object("/config", &definition.config, MAX_CONFIG_BYTES);
    wrong.text("/persona", &definition.persona, MAX_PERSONA_CHARS);
    wrong.labels("/skillset", &definition.skillset, MAX_SKILLS);
    let credentials: BTreeSet<_> = definition.credential_ids.iter().collect();
    if credentials.len() != definition.credential_ids.len() || credentials.len() > MAX_CREDENTIALS {
        wrong.say("/credential_ids", "at most 16 credentials, each named once");
    }
    let policy = &definition.execution;
    wrong.range("/execution/timeout_ms", policy.timeout_ms, 1, DAY_MS);
    wrong.range("/execution/retry/max_attempts", policy.retry.max_attempts.into(), 1, 20);
    wrong.range("/execution/retry/backoff_ms", policy.retry.backoff_ms, 0, DAY_MS);
    wrong.range(
        "/execution/retry/max_backoff_ms",
        policy.retry.max_backoff_ms,
        policy.retry.backoff_ms,
        DAY_MS,
    );
    if let Some(limit) = policy.max_concurrency {
        wrong.range("/execution/max_concurrency", limit.into(), 1, 100_000);
    }
    if let Some(limit) = policy.rate_limit_per_minute {
        wrong.range("/execution/rate_limit_per_minute", limit.into(), 1, 100_000_000);
    }
    if policy.budget_micros_per_day.is_some_and(|it| it < 0) {
        wrong.say("/execution/budget_micros_per_day", "a budget is 0 or more");
    }
    wrong.0
}

/// Errors: `ValidationFailed` for a slug that cannot stand in an address.
pub(super) fn check_slug(slug: &str) -> Result<()> {
    let plain = !slug.is_empty()
        && slug.len() <= MAX_SLUG_CHARS
        && slug.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !slug.contains("--");
    if !plain {
        let rule = "a slug has 1 to 60 lower-case letters and digits, with single hyphens between them";
        return Err(Error::invalid_at("slug", rule));
    }
    if RESERVED_SLUGS.contains(&slug) {
        return Err(Error::invalid_at(
            "slug",
            "this word has a meaning of its own in addresses; take another",
        ));
    }
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    wrong.name("/name", name);
    wrong.verdict()
}

pub(super) fn check_changelog(changelog: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    wrong.text("/changelog", changelog, MAX_CHANGELOG_CHARS);
    wrong.verdict()
}

/// Lays `patch` over `update`.
///
/// Errors: `ValidationFailed` with the path of what does not fit.
pub(super) fn patched(update: &AgentUpdate, patch: &Value) -> Result<AgentUpdate> {
    if !patch.is_object() {
        return Err(Error::invalid("a merge patch is a JSON object"));
    }
    let mut value =
        serde_json::to_value(update).map_err(|it| Error::internal("write an agent as a change", it))?;
    json_patch::merge(&mut value, patch);
    // The merge takes away what the patch sets to null; what was null before is absent in the same sense.
    serde_path_to_error::deserialize(value).map_err(|error| {
        let parts = error.path().iter().map(|it| format!("/{}", it.to_string().trim_matches(['[', ']'])));
        let path: String = parts.filter(|it| it != "/?").collect();
        let message = error.inner().to_string();
        Error::invalid_fields(Code::ValidationFailed, vec![Invalid { path, message }])
    })
}

#[derive(Default)]
struct Wrong(Vec<Invalid>);

impl Wrong {
    fn say(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Invalid { path: path.into(), message: message.into() });
    }

    fn verdict(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::invalid_fields(Code::ValidationFailed, self.0)) }
    }

    fn name(&mut self, path: &str, name: &str) {
        let chars = name.trim().chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS {
            self.say(path, format!("a name has 1 to {MAX_NAME_CHARS} characters"));
        } else if name.chars().any(misleads) {
            self.say(path, "a name has no control or direction characters");
        }
    }

    fn text(&mut self, path: &str, text: &str, max: usize) {
        if text.chars().count() > max {
            self.say(path, format!("at most {max} characters"));
        } else if text.contains('\0') {
            self.say(path, "no zero characters");
        }
    }

    fn labels(&mut self, path: &str, labels: &[String], max: usize) {
        if labels.len() > max {
            self.say(path, format!("at most {max} of them"));
            return;
        }
        for (place, label) in labels.iter().enumerate() {
            let chars = label.chars().count();
            if chars == 0 || chars > MAX_LABEL_CHARS || label.trim() != label || label.chars().any(misleads) {
                self.say(
                    format!("{path}/{place}"),
                    format!("1 to {MAX_LABEL_CHARS} characters, without outer blanks or control characters"),
                );
            } else if labels[..place].contains(label) {
                self.say(format!("{path}/{place}"), "this is named above already");
            }
        }
    }

    fn object(&mut self, path: &str, json: &Json, max_bytes: usize) {
        if json.len() > max_bytes {
            self.say(path, format!("at most {max_bytes} bytes"));
        } else if !json.as_str().trim_start().starts_with('{') {
            self.say(path, "this is a JSON object");
        }
    }

    fn range(&mut self, path: &str, value: u64, low: u64, high: u64) {
        if !(low..=high).contains(&value) {
            self.say(path, format!("{low} to {high}"));
        }
    }
}

/// Characters that make a name look like another: controls, and those that turn the direction of text.
fn misleads(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// In which order a list comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AgentSort")]
pub enum Sort {
    #[default]
    #[serde(rename = "-created_at")]
    Newest,
    #[serde(rename = "created_at")]
    Oldest,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "-updated_at")]
    LastChanged,
    #[serde(rename = "updated_at")]
    FirstChanged,
}

/// What a list keeps. Every filter that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    pub agent_type: Option<String>,
    pub status: Option<Status>,
    pub health: Option<Health>,
    pub tag: Option<String>,
    pub capability: Option<String>,
    pub visibility: Option<Visibility>,
    pub enabled: Option<bool>,
    /// A part of name, slug or description, whatever the case.
    pub q: Option<String>,
    pub sort: Sort,
}

impl AgentFilter {
    /// `needle` is `q` in lower case.
    pub(super) fn keeps(&self, agent: &Agent, needle: Option<&str>) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|it| it == found)
        }
        is(self.agent_type.as_ref(), &agent.agent_type)
            && is(self.status.as_ref(), &agent.status)
            && is(self.health.as_ref(), &agent.health)
            && is(self.visibility.as_ref(), &agent.visibility)
            && is(self.enabled.as_ref(), &agent.enabled)
            && self.tag.as_ref().is_none_or(|it| agent.tags.contains(it))
            && self.capability.as_ref().is_none_or(|it| agent.capabilities.contains(it))
            && needle.is_none_or(|it| {
                [&agent.name, &agent.slug, &agent.description]
                    .iter()
                    .any(|text| text.to_lowercase().contains(it))
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(change: Value) -> AgentUpdate {
        let mut value = json!({ "name": "Ticket resolver", "config": {} });
        json_patch::merge(&mut value, &change);
        serde_json::from_value(value).expect("an update")
    }

    fn paths(change: Value) -> Vec<String> {
        let update = update(change);
        let definition = update.definition("webhook");
        update.wrong_labels().into_iter().chain(wrong_definition(&definition)).map(|it| it.path).collect()
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(paths(json!({})), Vec::<String>::new());
    }

    #[test]
    fn every_field_has_its_limit() {
        let many = |n: usize| (0..n).map(|it| it.to_string()).collect::<Vec<_>>();
        for (change, path) in [
            (json!({ "name": " " }), "/name"),
            (json!({ "name": "x".repeat(121) }), "/name"),
            (json!({ "name": "a\u{202e}b" }), "/name"),
            (json!({ "description": "x".repeat(4_001) }), "/description"),
            (json!({ "persona": "x".repeat(64_001) }), "/persona"),
            (json!({ "tags": many(33) }), "/tags"),
            (json!({ "tags": ["a", "a"] }), "/tags/1"),
            (json!({ "tags": [" a"] }), "/tags/0"),
            (json!({ "capabilities": many(65) }), "/capabilities"),
            (json!({ "skillset": ["x".repeat(81)] }), "/skillset/0"),
            (json!({ "config": [] }), "/config"),
            (json!({ "config": { "a": "x".repeat(256 << 10) } }), "/config"),
            (json!({ "metadata": 1 }), "/metadata"),
            (json!({ "execution": { "timeout_ms": 0 } }), "/execution/timeout_ms"),
            (json!({ "execution": { "timeout_ms": DAY_MS + 1 } }), "/execution/timeout_ms"),
            (json!({ "execution": { "retry": { "max_attempts": 0 } } }), "/execution/retry/max_attempts"),
            (json!({ "execution": { "retry": { "max_backoff_ms": 1 } } }), "/execution/retry/max_backoff_ms"),
            (json!({ "execution": { "max_concurrency": 0 } }), "/execution/max_concurrency"),
            (json!({ "execution": { "rate_limit_per_minute": 0 } }), "/execution/rate_limit_per_minute"),
            (json!({ "execution": { "budget_micros_per_day": -1 } }), "/execution/budget_micros_per_day"),
        ] {
            assert_eq!(paths(change.clone()), [path], "{change}");
        }
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let before = update(json!({ "tags": ["a"], "execution": { "budget_micros_per_day": 5 } }));
        let patch = json!({ "name": "New", "tags": null, "execution": { "timeout_ms": 7 } });
        let after = patched(&before, &patch).expect("patched");
        assert_eq!((after.name.as_str(), after.tags.len()), ("New", 0));
        assert_eq!((after.execution.timeout_ms, after.execution.budget_micros_per_day), (7, Some(5)));
        assert_eq!(patched(&before, &json!({})).expect("patched"), before);
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused_with_its_path() {
        let before = update(json!({}));
        for (patch, path) in [
            (json!({ "execution": { "retry": { "max_attempts": "x" } } }), "/execution/retry/max_attempts"),
            (json!({ "tags": ["a", 1] }), "/tags/1"),
            (json!({ "status": "published" }), "/status"),
            (json!({ "name": null }), ""),
            (json!([]), ""),
        ] {
            let error = patched(&before, &patch).expect_err("refused");
            assert_eq!(error.invalid_list().first().map_or("", |it| it.path.as_str()), path, "{patch}");
        }
    }

    #[test]
    fn slugs_are_plain() {
        assert!(check_slug("ticket-resolver-2").is_ok());
        for slug in ["", "A", "a_b", "-a", "a-", "a--b", "validate", "ä", &"a".repeat(61)] {
            assert!(check_slug(slug).is_err(), "{slug}");
        }
    }
}
