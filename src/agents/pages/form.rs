//! The form of an agent: what every agent has, and what its type asks for.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::catalog;
use crate::base::{Doing, Result};
use crate::web::{Faults, Group, SchemaForm, Typed};

/// Limits that the form shows: what it leaves empty is taken away.
const LIMITS: [&str; 5] =
    ["timeout_ms", "attempt_timeout_ms", "queue_timeout_ms", "max_concurrency", "rate_limit_per_minute"];

/// The field of each chosen credential, and the one that says that they were to be chosen from.
pub(super) const CHOSEN: &str = "credential_ids";
pub(super) const SHOWN: &str = "credentials_shown";

pub(super) struct AgentForm {
    general: SchemaForm,
    config: SchemaForm,
}

impl AgentForm {
    /// Errors: `NotFound` for a type that is not there.
    pub(super) fn of(agent_type: &str) -> Result<Self> {
        let kind = catalog::type_of(agent_type)?;
        Ok(Self {
            general: SchemaForm::of_input("", &general()),
            config: SchemaForm::of_settings("config", &kind.config_schema),
        })
    }

    /// As it would have been typed. `agent` is in the form in which it is created or changed.
    pub(super) fn typed(&self, agent: &Value) -> Typed {
        let config = agent.get("config").cloned().unwrap_or_default();
        let mut typed = self.general.typed(agent);
        typed.extend(self.config.typed(&config));
        let chosen = agent.get(CHOSEN).and_then(Value::as_array).into_iter().flatten();
        typed.extend(chosen.filter_map(Value::as_str).map(|it| (CHOSEN.to_owned(), it.to_owned())));
        typed
    }

    /// Lays what was typed over `agent`.
    ///
    /// Errors: what no value can be made of.
    pub(super) fn laid_over(&self, agent: &Value, typed: &[(String, String)]) -> Result<Value, Faults> {
        let (general, config) = match (self.general.value(typed), self.config.value(typed)) {
            (Ok(general), Ok(config)) => (general, config),
            (Err(faults), Ok(_)) | (Ok(_), Err(faults)) => return Err(faults),
            (Err(one), Err(other)) => return Err(one.and(other)),
        };
        let mut agent = agent.clone();
        let Some(fields) = agent.as_object_mut() else { return Ok(agent) };
        for name in ["name", "description", "tags", "visibility", "persona", "input_schema", "output_schema"]
        {
            fields.remove(name);
        }
        let mut general = match general {
            Value::Object(it) => it,
            _ => Map::new(),
        };
        let limits = general.remove("execution");
        fields.extend(general);
        fields.insert("config".to_owned(), config);
        let mut policy = fields.get("execution").and_then(Value::as_object).cloned().unwrap_or_default();
        for name in LIMITS {
            policy.remove(name);
        }
        if let Some(Value::Object(mut limits)) = limits {
            let retry = limits.remove("retry");
            policy.extend(limits);
            if let (Some(Value::Object(retry)), Some(kept)) =
                (retry, policy.entry("retry").or_insert_with(|| json!({})).as_object_mut())
            {
                kept.extend(retry);
            }
        }
        fields.insert("execution".to_owned(), Value::Object(policy));
        if typed.iter().any(|it| it.0 == SHOWN) {
            let chosen = typed.iter().filter(|it| it.0 == CHOSEN).map(|it| it.1.as_str()).collect();
            fields.insert(CHOSEN.to_owned(), chosen);
        }
        Ok(agent)
    }

    /// What the agent is, what its type asks for, and how it runs.
    pub(super) fn parts(&self, typed: &[(String, String)], faults: &Faults) -> Parts {
        let (about, rest): (Vec<Group>, Vec<Group>) =
            self.general.groups(typed, faults).into_iter().partition(|it| it.title.is_empty());
        Parts { about, config: self.config.groups(typed, faults), rest }
    }
}

pub(super) struct Parts {
    pub about: Vec<Group>,
    pub config: Vec<Group>,
    pub rest: Vec<Group>,
}

impl Parts {
    /// The faults for the top of the form.
    pub(super) fn summary(&self, faults: &Faults) -> Vec<(String, String)> {
        let groups = self.about.iter().chain(&self.config).chain(&self.rest);
        faults.summary(groups.flat_map(|it| &it.fields).map(|it| it.name.as_str()))
    }
}

/// Errors: only ours; what a person typed is checked by what the value is handed to.
pub(super) fn as_input<T: DeserializeOwned>(agent: Value) -> Result<T, Faults> {
    serde_path_to_error::deserialize(agent).map_err(|error| {
        let path = error.path().to_string().replace('.', "/");
        Faults::none().at(&path, error.inner().to_string())
    })
}

/// Errors: only ours.
pub(super) fn as_value(agent: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(agent).doing("write an agent for its form")
}

fn general() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "x-order": ["description", "tags", "visibility", "persona", "input_schema", "output_schema", "execution"],
        "properties": {
            "name": {"type": "string", "title": "Name", "examples": ["Ticket triage"]},
            "description": {
                "type": "string", "title": "Description", "x-widget": "textarea",
                "description": "What it is for, for those who choose among agents.",
            },
            "tags": {"type": "array", "title": "Tags", "items": {"type": "string"}},
            "visibility": {
                "type": "string", "title": "Who sees it", "enum": ["private", "team", "organization", "public"],
                "default": "private", "description": "Owner and admins always do.",
            },
            "persona": {
                "type": "string", "title": "Instructions", "x-widget": "textarea", "x-group": "Instructions and schemas",
                "description": "What it is told before every input, where its type takes instructions.",
            },
            "input_schema": {
                "type": "object", "title": "Input schema", "default": {}, "x-group": "Instructions and schemas",
                "description": "A JSON Schema. Input that does not fit is refused, and the console makes a form of it. {} takes anything.",
            },
            "output_schema": {
                "type": "object", "title": "Output schema", "default": {}, "x-group": "Instructions and schemas",
                "description": "A JSON Schema. A run whose output does not fit fails. {} takes anything.",
            },
            "execution": {
                "type": "object", "title": "Limits",
                "x-order": ["timeout_ms", "attempt_timeout_ms", "queue_timeout_ms", "retry", "max_concurrency", "rate_limit_per_minute"],
                "properties": {
                    "timeout_ms": {
                        "type": "integer", "title": "Time limit", "x-unit": "ms", "minimum": 1, "default": 30000,
                        "description": "For the whole run, all attempts and the pauses between them included.",
                    },
                    "attempt_timeout_ms": {
                        "type": "integer", "title": "Time limit of one attempt", "x-unit": "ms", "minimum": 1,
                        "description": "An attempt that takes longer has failed, and is repeated where it may be. At most the time limit of the run. Empty: as long as the run has.",
                    },
                    "queue_timeout_ms": {
                        "type": "integer", "title": "Longest wait", "x-unit": "ms", "minimum": 1,
                        "description": "A run that waits longer for its turn ends as timed out. Empty: no limit.",
                    },
                    "retry": {
                        "type": "object", "properties": {
                            "max_attempts": {
                                "type": "integer", "title": "Attempts", "minimum": 1, "maximum": 20, "default": 3,
                                "description": "In all; 1 means never again. Failed connections, time-outs and answers that ask for patience (408, 425, 429, 502, 503, 504) are tried again; any other answer is the far end's last word.",
                            },
                        },
                    },
                    "max_concurrency": {
                        "type": "integer", "title": "Runs at once", "minimum": 1,
                        "description": "Empty: as many as the organization may have.",
                    },
                    "rate_limit_per_minute": {
                        "type": "integer", "title": "Runs in a minute", "minimum": 1,
                        "description": "Empty: no limit of its own.",
                    },
                },
            },
        },
    })
}
