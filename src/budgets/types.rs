//! What exists and what is valid: a budget, and what a person says to make or change one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{AgentId, BudgetId, Code, Error, Id, Invalid, KeyId, Result, Timestamp, UserId};

pub(super) const MAX_BUDGETS: usize = 200;
const MAX_NAME_CHARS: usize = 120;
/// A billion of the currency's units.
const MAX_MICROS: i64 = 1_000_000_000_000_000;
const MAX_TOKENS: u64 = 1_000_000_000_000_000;
/// The only one so far.
pub(super) const CURRENCY: &str = "USD";

macro_rules! words {
    ($(#[$doc:meta])* $name:ident $schema:literal: $($(#[$variant_doc:meta])* $variant:ident $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = $schema)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

words! {
    /// Whose calls count together.
    Scope "BudgetScope":
    /// All runs of the organization.
    Organization "organization",
    /// Those of one agent, also as a step of a chain; without a subject, of each agent for itself.
    Agent "agent",
    /// Those that one person started, with a key or without; without a subject, each person for themselves.
    User "user",
    /// Those that were started with one key; without a subject, each key for itself.
    ApiKey "api_key",
    /// Each run for itself: all runs, or those of one agent.
    Run "run",
    /// Each session for itself: all of its calls, or those of one agent in it.
    Session "session",
}

words! {
    /// When counting begins anew.
    Window "BudgetWindow":
    /// With each run; goes with the scope `run`.
    Run "run",
    /// At midnight in the organization's time zone.
    Day "day",
    /// At the first midnight of a month in the organization's time zone.
    Month "month",
    /// Never.
    Total "total",
}

words! {
    /// What happens at the limit.
    OnLimit "BudgetAction":
    /// A call that may pass it is refused.
    Stop "stop",
    /// It is told, and calls go on.
    Warn "warn",
}

impl Scope {
    /// What a subject of this scope is.
    fn subject_of(self, text: &str) -> Result<u128> {
        let number = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
        match self {
            Self::Organization => Err(Error::invalid("a budget of the organization has no subject")),
            Self::Agent | Self::Run | Self::Session => text.parse::<AgentId>().map(|it| number(it.bytes())),
            Self::User => text.parse::<UserId>().map(|it| number(it.bytes())),
            Self::ApiKey => text.parse::<KeyId>().map(|it| number(it.bytes())),
        }
    }

    /// The subject's id as text.
    pub(super) fn id_of(self, subject: u128) -> Option<String> {
        let bytes = subject.to_be_bytes();
        match self {
            _ if subject == EVERYONE => None,
            Self::Organization => None,
            Self::Agent | Self::Run | Self::Session => Some(AgentId::from_bytes(bytes).to_string()),
            Self::User => Some(UserId::from_bytes(bytes).to_string()),
            Self::ApiKey => Some(KeyId::from_bytes(bytes).to_string()),
        }
    }
}

/// Stands where a budget names no subject, and where it counts everything together. No id is zero.
pub(super) const EVERYONE: u128 = 0;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Budget {
    pub id: BudgetId,
    pub name: String,
    pub scope: Scope,
    /// An agent's, a person's or a key's id; `EVERYONE`: each of them for itself. Of runs and sessions: the agent whose
    /// calls count in them; `EVERYONE`: all calls.
    pub subject: u128,
    pub window: Window,
    pub limit_micros: Option<i64>,
    pub limit_tokens: Option<u64>,
    pub action: OnLimit,
    pub enabled: bool,
    /// Counts the changes of this row.
    pub revision: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
}

impl Budget {
    /// Whether each subject has a count of its own.
    pub(super) fn is_for_each(&self) -> bool {
        match self.scope {
            Scope::Organization => false,
            Scope::Session => true,
            _ => self.subject == EVERYONE,
        }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    pub scope: Scope,
    /// The agent, person or key whose calls count; left out: each of them for itself. With the scopes `run` and
    /// `session`: the agent whose calls count in each.
    #[serde(default)]
    pub subject_id: Option<String>,
    pub window: Window,
    /// Millionths of the currency. This or `limit_tokens`, or both.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    pub limit_micros: Option<i64>,
    /// In and out together.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    pub limit_tokens: Option<u64>,
    #[serde(default = "stop")]
    pub action: OnLimit,
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Replaces all but whose calls count and when counting begins anew: another of these is another budget.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetUpdate {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    pub limit_micros: Option<i64>,
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    pub limit_tokens: Option<u64>,
    #[serde(default = "stop")]
    pub action: OnLimit,
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn stop() -> OnLimit {
    OnLimit::Stop
}

const fn yes() -> bool {
    true
}

impl NewBudget {
    /// Its subject, once all is checked.
    ///
    /// Errors: `ValidationFailed` with every wrong field.
    pub(super) fn checked(&self) -> Result<u128> {
        let mut wrong = wrong_of(&self.name, self.limit_micros, self.limit_tokens);
        let mut say = |path: &str, message: &str| {
            wrong.push(Invalid { path: path.to_owned(), message: message.to_owned() });
        };
        if (self.scope == Scope::Run) != (self.window == Window::Run) {
            say(
                "/window",
                "a budget for each run (scope run) has the window run, and no other budget has it",
            );
        }
        let subject = self.subject_id.as_deref();
        let subject = subject.map(|it| self.scope.subject_of(it)).transpose();
        if let Err(error) = &subject {
            say("/subject_id", error.message());
        }
        match subject {
            Ok(subject) if wrong.is_empty() => Ok(subject.unwrap_or(EVERYONE)),
            _ => Err(Error::invalid_fields(Code::ValidationFailed, wrong)),
        }
    }
}

impl BudgetUpdate {
    /// Errors: `ValidationFailed` with every wrong field.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = wrong_of(&self.name, self.limit_micros, self.limit_tokens);
        if wrong.is_empty() { Ok(()) } else { Err(Error::invalid_fields(Code::ValidationFailed, wrong)) }
    }
}

fn wrong_of(name: &str, micros: Option<i64>, tokens: Option<u64>) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    let mut say = |path: &str, message: String| wrong.push(Invalid { path: path.to_owned(), message });
    let chars = name.trim().chars().count();
    if chars == 0 || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        say("/name", format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line"));
    }
    if micros.is_none() && tokens.is_none() {
        say("/limit_micros", "a budget limits money, tokens or both".to_owned());
    }
    if micros.is_some_and(|it| !(0..=MAX_MICROS).contains(&it)) {
        say("/limit_micros", format!("has to be 0 to {MAX_MICROS}"));
    }
    if tokens.is_some_and(|it| it > MAX_TOKENS) {
        say("/limit_tokens", format!("has to be 0 to {MAX_TOKENS}"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: serde_json::Value, wrong: &[&str]) {
        let mut new = serde_json::json!({
            "name": "Support", "scope": "agent", "window": "day", "limit_micros": 5,
            "subject_id": "agt_00000000000000000000000009",
        });
        for (name, value) in change.as_object().expect("fields") {
            new[name] = value.clone();
        }
        let new: NewBudget = serde_json::from_value(new).expect("a budget");
        let found = new.checked().err().map(|it| it.invalid_list().to_vec()).unwrap_or_default();
        assert_eq!(found.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), wrong, "{change}");
    }

    #[test]
    fn what_a_budget_has_to_say() {
        use serde_json::json;
        check(json!({}), &[]);
        check(json!({ "subject_id": null }), &[]);
        check(json!({ "subject_id": "" }), &["/subject_id"]);
        check(json!({ "name": " ", "limit_micros": null }), &["/name", "/limit_micros"]);
        check(json!({ "limit_micros": -1 }), &["/limit_micros"]);
        check(json!({ "limit_tokens": u64::MAX }), &["/limit_tokens"]);
        check(json!({ "scope": "run" }), &["/window"]);
        check(json!({ "window": "run" }), &["/window"]);
        check(json!({ "scope": "run", "window": "run" }), &[]);
        check(json!({ "scope": "session", "window": "total" }), &[]);
        check(json!({ "scope": "session", "window": "total", "subject_id": null }), &[]);
        check(json!({ "scope": "session", "window": "run" }), &["/window"]);
        check(json!({ "scope": "session", "subject_id": "talk-1" }), &["/subject_id"]);
        check(json!({ "scope": "user" }), &["/subject_id"]);
        check(json!({ "scope": "organization" }), &["/subject_id"]);
        check(json!({ "scope": "organization", "subject_id": null }), &[]);
    }

    #[test]
    fn subjects_come_back_as_they_were_named() {
        for (scope, id) in [
            (Scope::Agent, "agt_00000000000000000000000009"),
            (Scope::User, "usr_00000000000000000000000009"),
            (Scope::ApiKey, "key_00000000000000000000000009"),
            (Scope::Run, "agt_00000000000000000000000009"),
        ] {
            let subject = scope.subject_of(id).expect(id);
            assert_eq!(scope.id_of(subject).as_deref(), Some(id));
        }
        assert_eq!(Scope::Agent.id_of(EVERYONE), None);
    }
}
