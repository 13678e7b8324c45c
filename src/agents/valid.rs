//! Which of what callers send is valid by itself: lengths, counts, ranges, spellings.

use std::collections::BTreeSet;

use super::input::AgentUpdate;
use super::types::Definition;
use crate::base::{Code, Error, Invalid, Json, Result, is_slug};

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
const MAX_CHANGELOG_CHARS: usize = 4_000;
const DAY_MS: u64 = 86_400_000;

/// Words that stand in addresses where a slug could.
pub(super) const RESERVED_SLUGS: &[&str] = &["validate", "from-template", "route", "new"];

/// What is wrong with the labels: name, description, tags and the like.
pub(super) fn wrong_labels(update: &AgentUpdate) -> Vec<Invalid> {
    let mut wrong = Wrong::default();
    wrong.name("/name", &update.name);
    wrong.text("/description", &update.description, MAX_DESCRIPTION_CHARS);
    wrong.labels("/tags", &update.tags, MAX_TAGS);
    wrong.labels("/capabilities", &update.capabilities, MAX_CAPABILITIES);
    wrong.object("/metadata", &update.metadata, MAX_METADATA_BYTES);
    wrong.0
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
    if let Some(limit) = policy.attempt_timeout_ms {
        let at = "/execution/attempt_timeout_ms";
        wrong.range(at, limit, 1, DAY_MS);
        if limit > policy.timeout_ms {
            wrong.say(
                at,
                format!("is at most timeout_ms ({}), which is for the whole run", policy.timeout_ms),
            );
        }
    }
    if let Some(limit) = policy.queue_timeout_ms {
        wrong.range("/execution/queue_timeout_ms", limit, 1, DAY_MS);
    }
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
    if !is_slug(slug) {
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
            self.say(path, format!("has to be {low} to {high}"));
        }
    }
}

/// Characters that make a name look like another: controls, and those that turn the direction of text.
fn misleads(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn update(change: Value) -> AgentUpdate {
        let mut value = json!({ "name": "Ticket resolver", "config": {} });
        json_patch::merge(&mut value, &change);
        serde_json::from_value(value).expect("an update")
    }

    fn paths(change: Value) -> Vec<String> {
        let update = update(change);
        let definition = update.definition("webhook");
        wrong_labels(&update).into_iter().chain(wrong_definition(&definition)).map(|it| it.path).collect()
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
            (json!({ "execution": { "attempt_timeout_ms": 0 } }), "/execution/attempt_timeout_ms"),
            (json!({ "execution": { "attempt_timeout_ms": 30_001 } }), "/execution/attempt_timeout_ms"),
            (json!({ "execution": { "queue_timeout_ms": 86_400_001 } }), "/execution/queue_timeout_ms"),
            (json!({ "execution": { "max_concurrency": 0 } }), "/execution/max_concurrency"),
            (json!({ "execution": { "rate_limit_per_minute": 0 } }), "/execution/rate_limit_per_minute"),
            (json!({ "execution": { "budget_micros_per_day": -1 } }), "/execution/budget_micros_per_day"),
        ] {
            assert_eq!(paths(change.clone()), [path], "{change}");
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
