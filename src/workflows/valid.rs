//! Which of what callers send is valid by itself: lengths, ranges, ids, jumps, expressions and what they read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::input::{ChainUpdate, NewStep};
use super::types::{OnError, StepRetry};
use crate::adapters::mapping::{self, Look, MAX_EXPRESSION_BYTES};
use crate::base::{Error, Invalid, Json, Result, is_slug};

pub(super) const MAX_NAME_CHARS: usize = 120;
const MAX_DESCRIPTION_CHARS: usize = 4_000;
pub(super) const MAX_STEPS: usize = 50;
const MAX_STEP_ID_CHARS: usize = 40;
const MAX_MAPPING_BYTES: usize = 64 << 10;
const DAY_MS: u64 = 86_400_000;

/// Words that stand in addresses where a slug could.
pub(super) const RESERVED_SLUGS: &[&str] = &["validate", "executions", "new"];

/// Errors: `ValidationFailed` for a slug that cannot stand in an address.
pub(super) fn check_slug(slug: &str) -> Result<()> {
    if !is_slug(slug) {
        let rule = "a slug has 1 to 60 lower-case letters and digits, with single hyphens between them";
        return Err(Error::invalid_at("slug", rule));
    }
    if RESERVED_SLUGS.contains(&slug) {
        let rule = "this word has a meaning of its own in addresses; take another";
        return Err(Error::invalid_at("slug", rule));
    }
    Ok(())
}

/// Everything that can be said about a chain without its agents.
pub(super) fn wrong_by_itself(chain: &ChainUpdate) -> Vec<Invalid> {
    let mut wrong = Wrong::default();
    wrong.labels(chain);
    wrong.range("/timeout_ms", chain.timeout_ms, 1, DAY_MS);
    wrong.retry("/retry_policy", chain.retry_policy.as_ref());
    if chain.steps.is_empty() || chain.steps.len() > MAX_STEPS {
        wrong.say("/steps", format!("a chain has 1 to {MAX_STEPS} steps"));
        return wrong.0;
    }
    wrong.ids(&chain.steps);
    let ids: Vec<&str> = chain.steps.iter().map(|it| it.id.as_str()).collect();
    for (place, step) in chain.steps.iter().enumerate() {
        wrong.step(place, step, &ids);
    }
    wrong.mapping("/output_mapping", chain.output_mapping.as_ref(), &Seen { ids: &ids, place: ids.len() });
    wrong.0
}

/// What an expression at some place of a chain sees.
struct Seen<'a> {
    ids: &'a [&'a str],
    /// Number of the steps that have run by then.
    place: usize,
}

impl Seen<'_> {
    /// Why `name` (`steps.first.output.text`) reads nothing here.
    fn objection(&self, name: &str, also: Option<&str>) -> Option<String> {
        let mut parts = name.split('.');
        let root = parts.next().unwrap_or_default();
        if matches!(root, "input" | "previous") || also == Some(root) {
            return None;
        }
        if root != "steps" {
            let output = if also.is_some() { "output, " } else { "" };
            return Some(format!(
                "“{root}” is not known here; use {output}input, previous or steps.ID.output, and put quotes around text"
            ));
        }
        let id = parts.next()?;
        match self.ids.iter().position(|it| *it == id) {
            None => return Some(format!("there is no step “{id}”{}", self.choices())),
            Some(at) if at == self.place => {
                return Some(format!("a step cannot read its own result “{name}”{}", self.choices()));
            }
            Some(at) if at > self.place => {
                return Some(format!("the step “{id}” comes later{}", self.choices()));
            }
            Some(_) => {}
        }
        match parts.next() {
            None | Some("output" | "status" | "error") => None,
            Some(other) => Some(format!(
                "a step has output, status and error: write steps.{id}.output.{other} for its answer"
            )),
        }
    }

    fn choices(&self) -> String {
        match &self.ids[..self.place.min(self.ids.len())] {
            [] => "; the first step reads input".to_owned(),
            ids => format!("; before it come {}", ids.join(", ")),
        }
    }
}

#[derive(Default)]
struct Wrong(Vec<Invalid>);

impl Wrong {
    fn say(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Invalid { path: path.into(), message: message.into() });
    }

    fn labels(&mut self, chain: &ChainUpdate) {
        let chars = chain.name.trim().chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS || chain.name.chars().any(char::is_control) {
            self.say("/name", format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line"));
        }
        if chain.description.chars().count() > MAX_DESCRIPTION_CHARS || chain.description.contains('\0') {
            let rule =
                format!("a description has at most {MAX_DESCRIPTION_CHARS} characters, none of them zero");
            self.say("/description", rule);
        }
    }

    fn range(&mut self, path: &str, value: u64, low: u64, high: u64) {
        if !(low..=high).contains(&value) {
            self.say(path, format!("{low} to {high}"));
        }
    }

    fn retry(&mut self, path: &str, retry: Option<&StepRetry>) {
        let Some(retry) = retry else { return };
        self.range(&format!("{path}/max_attempts"), retry.max_attempts.into(), 1, 20);
        self.range(&format!("{path}/backoff_ms"), retry.backoff_ms, 0, DAY_MS);
        self.range(&format!("{path}/max_backoff_ms"), retry.max_backoff_ms, retry.backoff_ms, DAY_MS);
    }

    fn ids(&mut self, steps: &[NewStep]) {
        let mut known = BTreeSet::new();
        for (place, step) in steps.iter().enumerate() {
            let path = format!("/steps/{place}/id");
            if !is_step_id(&step.id) {
                let rule = format!(
                    "a step's id has 1 to {MAX_STEP_ID_CHARS} small letters, digits and underscores, and begins with a letter"
                );
                self.say(path, rule);
            } else if !known.insert(step.id.as_str()) {
                self.say(path, format!("a step before this one is called “{}” already", step.id));
            }
        }
    }

    fn step(&mut self, place: usize, step: &NewStep, ids: &[&str]) {
        let at = |field: &str| format!("/steps/{place}/{field}");
        let seen = Seen { ids, place };
        if step.agent_id.trim().is_empty() {
            self.say(at("agent_id"), "choose an agent");
        }
        self.mapping(&at("input_mapping"), step.input_mapping.as_ref(), &seen);
        self.output_mapping(&at("output_mapping"), step.output_mapping.as_ref(), &seen);
        self.condition(&at("condition"), step.condition.as_deref(), &seen);
        if let Some(timeout) = step.timeout_ms {
            self.range(&at("timeout_ms"), timeout, 1, DAY_MS);
        }
        self.retry(&at("retry"), step.retry.as_ref());
        if let Some(OnError::Goto(target)) = &step.on_error {
            match ids.iter().position(|it| it == target) {
                None => {
                    self.say(at("on_error/goto"), format!("there is no step “{target}”; name a later one"))
                }
                Some(found) if found <= place => {
                    self.say(
                        at("on_error/goto"),
                        format!("“{target}” is not a later step; a chain goes forward"),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn condition(&mut self, path: &str, condition: Option<&str>, seen: &Seen<'_>) {
        let Some(condition) = condition else { return };
        if condition.len() > MAX_EXPRESSION_BYTES {
            self.say(path, format!("an expression has at most {MAX_EXPRESSION_BYTES} bytes"));
        } else if mapping::is_template(condition) {
            self.say(path, "a condition is an expression without {{ }}: input.urgent and previous.score > 3");
        } else {
            self.looks(path, mapping::look(&Value::from(condition)), seen, None);
        }
    }

    fn mapping(&mut self, path: &str, mapping: Option<&Json>, seen: &Seen<'_>) {
        if let Some(mapping) = self.fitting(path, mapping) {
            self.looks(path, mapping::look(&mapping), seen, None);
        }
    }

    fn output_mapping(&mut self, path: &str, mapping: Option<&Json>, seen: &Seen<'_>) {
        if let Some(mapping) = self.fitting(path, mapping) {
            self.looks(path, mapping::look(&mapping), seen, Some("output"));
        }
    }

    fn fitting(&mut self, path: &str, mapping: Option<&Json>) -> Option<Value> {
        let mapping = mapping?;
        if mapping.len() > MAX_MAPPING_BYTES {
            self.say(path, format!("a mapping has at most {MAX_MAPPING_BYTES} bytes"));
            return None;
        }
        Some(mapping.to_value())
    }

    fn looks(&mut self, path: &str, looks: Vec<Look>, seen: &Seen<'_>, also: Option<&str>) {
        for look in looks {
            let path = format!("{path}{}", look.at);
            match look.reads {
                Err(error) => self.say(path, error.0),
                Ok(names) => {
                    for objection in names.iter().filter_map(|it| seen.objection(it, also)) {
                        self.say(path.clone(), objection);
                    }
                }
            }
        }
    }
}

fn is_step_id(id: &str) -> bool {
    id.len() <= MAX_STEP_ID_CHARS
        && id.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
        && id.bytes().next().is_some_and(|it| it.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Two steps, of which the second is changed.
    fn wrong(change: Value) -> Vec<(String, String)> {
        let mut chain = json!({
            "name": "Triage", "steps": [
                { "id": "first", "agent_id": "a" },
                { "id": "second", "agent_id": "b" },
                { "id": "third", "agent_id": "c" },
            ],
        });
        if let Some(step) = change.get("step") {
            json_patch::merge(&mut chain["steps"][1], step);
        } else {
            json_patch::merge(&mut chain, &change);
        }
        let chain: ChainUpdate = serde_json::from_value(chain).expect("a chain");
        wrong_by_itself(&chain).into_iter().map(|it| (it.path, it.message)).collect()
    }

    fn step(change: Value) -> Vec<(String, String)> {
        wrong(json!({ "step": change }))
    }

    #[test]
    fn what_is_right_is_passed() {
        assert_eq!(wrong(json!({})), []);
        for change in [
            json!({ "input_mapping": "previous" }),
            json!({ "input_mapping": { "text": "{{ steps.first.output.text }}", "n": 3, "was": "{{ steps.first.status }}" } }),
            json!({ "input_mapping": "steps['first'].output" }),
            json!({ "output_mapping": { "said": "{{ output.text }}" }, "condition": "input.urgent and not previous.done" }),
            json!({ "on_error": { "goto": "third" } }),
            json!({ "on_error": "continue", "retry": { "max_attempts": 2 }, "timeout_ms": 5 }),
        ] {
            assert_eq!(step(change.clone()), [], "{change}");
        }
        assert_eq!(wrong(json!({ "output_mapping": "steps.third.output" })), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path_and_what_to_change() {
        for (change, path, part) in [
            (json!({ "id": "Second" }), "/steps/1/id", "small letters"),
            (json!({ "id": "" }), "/steps/1/id", "small letters"),
            (json!({ "id": "first" }), "/steps/1/id", "already"),
            (json!({ "agent_id": " " }), "/steps/1/agent_id", "choose"),
            (json!({ "input_mapping": "steps.third.output" }), "/steps/1/input_mapping", "comes later"),
            (json!({ "input_mapping": "steps.second.output" }), "/steps/1/input_mapping", "its own"),
            (
                json!({ "input_mapping": { "text": "{{ steps.fist.output }}" } }),
                "/steps/1/input_mapping/text",
                "no step “fist”; before it come first",
            ),
            (
                json!({ "input_mapping": "steps.first.text" }),
                "/steps/1/input_mapping",
                "steps.first.output.text",
            ),
            (json!({ "input_mapping": "hello" }), "/steps/1/input_mapping", "quotes"),
            (
                json!({ "input_mapping": { "a": ["{{ input. }}"] } }),
                "/steps/1/input_mapping/a/0",
                "does not work",
            ),
            (json!({ "input_mapping": "output" }), "/steps/1/input_mapping", "not known"),
            (json!({ "condition": "{{ input.a }}" }), "/steps/1/condition", "without {{ }}"),
            (json!({ "condition": "input.a >" }), "/steps/1/condition", "does not work"),
            (json!({ "condition": "" }), "/steps/1/condition", "not empty"),
            (json!({ "timeout_ms": 0 }), "/steps/1/timeout_ms", "1 to"),
            (json!({ "retry": { "max_attempts": 0 } }), "/steps/1/retry/max_attempts", "1 to 20"),
            (
                json!({ "retry": { "backoff_ms": 9, "max_backoff_ms": 8 } }),
                "/steps/1/retry/max_backoff_ms",
                "9 to",
            ),
            (json!({ "on_error": { "goto": "first" } }), "/steps/1/on_error/goto", "not a later step"),
            (json!({ "on_error": { "goto": "nowhere" } }), "/steps/1/on_error/goto", "no step"),
        ] {
            let found = step(change.clone());
            assert_eq!(found.len(), 1, "{change}: {found:?}");
            assert_eq!(found[0].0, path, "{change}");
            assert!(found[0].1.contains(part), "{change}: {}", found[0].1);
        }
        for (change, path) in [
            (json!({ "name": " " }), "/name"),
            (json!({ "steps": [] }), "/steps"),
            (json!({ "timeout_ms": 0 }), "/timeout_ms"),
            (json!({ "output_mapping": "steps.fourth.output" }), "/output_mapping"),
            (json!({ "retry_policy": { "max_attempts": 21 } }), "/retry_policy/max_attempts"),
        ] {
            let found = wrong(change.clone());
            assert_eq!(found.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), [path], "{change}");
        }
    }
}
