//! What exists and what is valid: a trigger, and what a person says to make or change one.

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mapped;
use super::scheme::{Encoding, Preset, Scheme};
use crate::base::{AgentId, Code, Doing, Error, Invalid, Json, Result, Timestamp, TriggerId, WorkflowId};
use crate::infra::Secret;
use crate::keys::SigningSecrets;
use crate::targets::{Named, Target};

pub(super) const MAX_TRIGGERS: usize = 200;
const MAX_NAME_CHARS: usize = 120;
const MAX_EVENT_CHARS: usize = 100;
const MAX_MAPPING_BYTES: usize = 16 * 1024;
const MAX_PREFIX_BYTES: usize = 64;
pub(super) const DEFAULT_TOLERANCE_MS: u64 = 5 * 60_000;
const MAX_TOLERANCE_MS: u64 = 3_600_000;
pub(super) const DAY_MS: u64 = 24 * 3_600_000;
pub(super) const DEFAULT_WAIT_MS: u64 = 10_000;
/// Senders give up sooner than callers of our own.
const MAX_WAIT_MS: u64 = 60_000;
pub(super) const DEFAULT_OVERLAP_MS: u64 = DAY_MS;
pub(super) const MAX_OVERLAP_MS: u64 = 7 * DAY_MS;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TriggerSource")]
pub enum Kind {
    /// An address that others call.
    #[default]
    Hook,
    /// A name that members of the organization publish.
    Event,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Event => "event",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TriggerAnswer")]
pub enum AnswerMode {
    /// As soon as the run is accepted.
    #[default]
    Now,
    /// When it has ended, within `wait_ms`.
    Wait,
}

/// Starts runs of one agent or chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Trigger {
    pub id: TriggerId,
    pub name: String,
    /// What it starts: an agent,
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// or a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<WorkflowId>,
    pub enabled: bool,
    /// What starts it: one of the two.
    pub hook: Option<Hook>,
    pub event: Option<String>,
    pub rules: Rules,
    /// Counts the changes of this row.
    pub revision: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
}

/// The address of a hook, and how its calls are signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hook {
    /// Hash of the token in the address.
    pub token: [u8; 32],
    /// How the token begins.
    pub shown: String,
    pub scheme: Scheme,
    /// None where nothing is signed.
    pub secrets: Option<SigningSecrets>,
    pub tolerance_ms: u64,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rules {
    /// An expression that must hold.
    pub filter: Option<String>,
    /// From the call to the agent's input; none: the body.
    pub mapping: Option<Json>,
    pub answer: AnswerMode,
    pub wait_ms: u64,
    /// As long as a repetition is led to the first run; 0: never.
    pub dedupe_ms: u64,
}

/// How the calls of a hook are signed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub scheme: Preset,
    /// Of `hmac`: the header that holds the signature.
    #[serde(default)]
    pub header: Option<String>,
    /// Of `hmac`: SHA-256 is the one that there is.
    #[serde(default)]
    pub algorithm: Option<Algorithm>,
    /// Of `hmac`; by default `hex`.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// Of `hmac`: what stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Of `none`: must be `true`, so that nobody leaves the signature out by accident.
    #[serde(default)]
    pub insecure_no_signature: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SignatureAlgorithm")]
pub enum Algorithm {
    Sha256,
}

/// What becomes of a call, as a person says it; the same in both inputs, because flattened fields could neither be
/// strict nor hold JSON as it came.
macro_rules! with_rules {
    ($(#[$attribute:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            #[serde(default = "yes")]
            pub enabled: bool,
            /// How far the time of a signed message may be from ours, 1000 to 3600000; by default five minutes.
            #[serde(default)]
            #[schemars(range(min = 1_000, max = 3_600_000))]
            pub tolerance_ms: Option<u64>,
            /// An expression over `body`, `headers` and `query` (for an event `event`) that must hold for a run to
            /// start.
            #[serde(default)]
            pub filter: Option<String>,
            /// The run's input: an expression, or a value whose strings hold `{{ … }}`; left out: the body, or
            /// the event's data.
            #[serde(default)]
            pub mapping: Option<Json>,
            #[serde(default)]
            pub answer: AnswerMode,
            /// Of `wait`: 0 to 60000, by default 10000.
            #[serde(default)]
            #[schemars(range(min = 0, max = 60_000))]
            pub wait_ms: Option<u64>,
            /// As long as the same message is led to the first run: 0 to 86400000, by default a day. 0: each is new.
            #[serde(default)]
            #[schemars(range(min = 0, max = 86_400_000))]
            pub dedupe_ms: Option<u64>,
        }

        impl $name {
            /// The rules as they will be stored, with the tolerance beside them.
            pub(super) fn rules(&self, kind: Kind, wrong: &mut Wrong) -> (Rules, u64) {
                let given = Given {
                    tolerance_ms: self.tolerance_ms,
                    filter: self.filter.as_deref(),
                    mapping: self.mapping.as_ref(),
                    answer: self.answer,
                    wait_ms: self.wait_ms,
                    dedupe_ms: self.dedupe_ms,
                };
                given.check(kind, wrong)
            }
        }
    };
}

with_rules! {
    pub struct NewTrigger {
        #[schemars(length(min = 1, max = 120))]
        pub name: String,
        /// Id or slug of the agent that is run. Either this or `workflow_id`.
        #[serde(default)]
        pub agent_id: Option<String>,
        /// Id or slug of the chain that is run.
        #[serde(default)]
        pub workflow_id: Option<String>,
        #[serde(default)]
        pub kind: Kind,
        /// Of an event: its name, or `order.*` for all that begin so.
        #[serde(default)]
        pub event: Option<String>,
        /// Of a hook.
        #[serde(default)]
        pub signature: Option<Signature>,
        /// The secret that the sender signs with; left out: one is made. It can be put in place later by `rotate`.
        #[serde(default)]
        #[schemars(with = "Option<String>")]
        pub secret: Option<Secret>,
    }
}

with_rules! {
    /// Replaces everything but the address and the secret.
    pub struct TriggerUpdate {
        #[schemars(length(min = 1, max = 120))]
        pub name: String,
        /// Id or slug of the agent that is run. Either this or `workflow_id`.
        #[serde(default)]
        pub agent_id: Option<String>,
        /// Id or slug of the chain that is run.
        #[serde(default)]
        pub workflow_id: Option<String>,
        /// Of an event.
        #[serde(default)]
        pub event: Option<String>,
        /// Of a hook; left out: as it is.
        #[serde(default)]
        pub signature: Option<Signature>,
    }
}

/// The rules as they came.
struct Given<'g> {
    tolerance_ms: Option<u64>,
    filter: Option<&'g str>,
    mapping: Option<&'g Json>,
    answer: AnswerMode,
    wait_ms: Option<u64>,
    dedupe_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TriggerRotated")]
pub enum Rotated {
    /// The old address answers no more.
    Address,
    /// The old secret counts until the overlap is over.
    Secret,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TriggerRotation")]
pub struct Rotation {
    pub what: Rotated,
    /// The secret that the sender signs with; left out: one is made.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
    /// As long as the old secret counts too: 0 to 604800000, by default a day.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604_800_000))]
    pub overlap_ms: Option<u64>,
}

/// A named event.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Such as `order.paid`.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    pub data: Json,
    /// Names this event: the same one again starts nothing new.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub id: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Wrong(Vec<Invalid>);

impl Wrong {
    fn say(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Invalid { path: path.to_owned(), message: message.into() });
    }

    /// A secret for nothing that it could sign.
    pub(super) fn check_secret(&mut self, scheme: Option<&Scheme>, is_given: bool) {
        if is_given && !scheme.is_some_and(Scheme::is_signed) {
            self.say("/secret", "nothing is signed here; leave the secret out");
        }
    }

    /// Errors: `ValidationFailed` with all of them.
    pub(super) fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::invalid_fields(Code::ValidationFailed, self.0)) }
    }
}

/// What is to be started; `None` where that is not said rightly.
pub(super) fn named_of(agent: Option<&str>, workflow: Option<&str>, wrong: &mut Wrong) -> Option<Named> {
    Named::one(agent, workflow).map_err(|error| wrong.0.extend(error.invalid_list().to_vec())).ok()
}

pub(super) fn name_of(given: &str, wrong: &mut Wrong) -> String {
    let name = given.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        wrong.say("/name", format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line"));
    }
    name.to_owned()
}

/// `order.paid`, and for subscribers `order.*`.
pub(super) fn is_event_name(text: &str, may_end_open: bool) -> bool {
    let stem = if may_end_open { text.strip_suffix(".*").unwrap_or(text) } else { text };
    let is_part = |it: &str| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-'))
    };
    text.len() <= MAX_EVENT_CHARS && stem.split('.').all(is_part)
}

pub(super) fn event_of(kind: Kind, given: Option<&str>, wrong: &mut Wrong) -> Option<String> {
    match (kind, given.map(str::trim).filter(|it| !it.is_empty())) {
        (Kind::Event, Some(name)) if is_event_name(name, true) => return Some(name.to_owned()),
        (Kind::Event, _) => wrong.say(
            "/event",
            "an event is named by words with dots between, such as order.paid, or order.* for all that begin so",
        ),
        (Kind::Hook, Some(_)) => wrong.say("/event", "a hook has no event; leave it out"),
        (Kind::Hook, None) => {}
    }
    None
}

pub(super) fn scheme_of(given: Option<&Signature>, wrong: &mut Wrong) -> Scheme {
    let Some(it) = given else {
        wrong.say("/signature", "a hook says how its calls are signed");
        return Scheme::of(Preset::None);
    };
    let mut scheme = Scheme::of(it.scheme);
    if it.scheme == Preset::Hmac {
        scheme.encoding = it.encoding.unwrap_or_default();
        scheme.prefix = it.prefix.clone().unwrap_or_default();
        let header = it.header.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        if HeaderName::try_from(&header).is_err() {
            wrong.say("/signature/header", "name the header that holds the signature, such as X-Signature");
        }
        if scheme.prefix.len() > MAX_PREFIX_BYTES || !scheme.prefix.is_ascii() {
            wrong.say(
                "/signature/prefix",
                format!("a prefix has at most {MAX_PREFIX_BYTES} plain characters"),
            );
        }
        scheme.header = header;
    } else if it.header.is_some() || it.encoding.is_some() || it.prefix.is_some() || it.algorithm.is_some() {
        wrong.say("/signature", "header, algorithm, encoding and prefix are for the scheme hmac");
    }
    let waived = it.insecure_no_signature == Some(true);
    if (it.scheme == Preset::None) != waived {
        wrong.say(
            "/signature/insecure_no_signature",
            "this is true with the scheme none, and left out otherwise: without a signature, whoever knows the address can start runs",
        );
    }
    scheme
}

impl Given<'_> {
    fn check(&self, kind: Kind, wrong: &mut Wrong) -> (Rules, u64) {
        let filter = self.filter.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
        if let Some(Err(error)) = filter.as_deref().map(mapped::check_filter) {
            wrong.say("/filter", error);
        }
        let mapping = self.mapping.cloned().filter(|it| !matches!(it.as_str(), "null" | "\"\""));
        match &mapping {
            Some(it) if it.len() > MAX_MAPPING_BYTES => {
                wrong.say("/mapping", format!("a mapping has at most {MAX_MAPPING_BYTES} bytes"));
            }
            Some(it) => {
                if let Err(error) = mapped::check(it) {
                    wrong.say("/mapping", error);
                }
            }
            None => {}
        }
        let tolerance_ms = self.tolerance_ms.unwrap_or(DEFAULT_TOLERANCE_MS);
        if !(1_000..=MAX_TOLERANCE_MS).contains(&tolerance_ms) {
            wrong.say("/tolerance_ms", format!("is 1000 to {MAX_TOLERANCE_MS}"));
        }
        let wait_ms = self.wait_ms.unwrap_or(DEFAULT_WAIT_MS);
        if wait_ms > MAX_WAIT_MS {
            wrong.say("/wait_ms", format!("is 0 to {MAX_WAIT_MS}"));
        }
        if kind == Kind::Event && self.answer == AnswerMode::Wait {
            wrong.say("/answer", "nobody waits for the runs of an event; choose now");
        }
        let dedupe_ms = self.dedupe_ms.unwrap_or(DAY_MS);
        if dedupe_ms > DAY_MS {
            wrong.say("/dedupe_ms", format!("is 0 to {DAY_MS}"));
        }
        (Rules { filter, mapping, answer: self.answer, wait_ms, dedupe_ms }, tolerance_ms)
    }
}

impl Trigger {
    /// What it starts.
    pub(super) fn target(&self) -> Result<Target> {
        Target::of(self.agent_id, self.workflow_id).ok_or("a trigger starts nothing").doing("read a trigger")
    }

    pub(super) fn lead_to(&mut self, target: Target) {
        (self.agent_id, self.workflow_id) = (target.agent(), target.workflow());
    }

    pub(super) fn kind(&self) -> Kind {
        if self.hook.is_some() { Kind::Hook } else { Kind::Event }
    }

    /// Whether an event of this name starts it.
    pub(super) fn hears(&self, name: &str) -> bool {
        let Some(wanted) = &self.event else { return false };
        match wanted.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning) && name.len() > beginning.len(),
            None => wanted == name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_by_words_with_dots() {
        for (text, open, expected) in [
            ("order.paid", false, true),
            ("order", false, true),
            ("order.*", true, true),
            ("order.*", false, false),
            ("*", true, false),
            (".*", true, false),
            ("order..paid", false, false),
            ("order.pa id", false, false),
            ("", true, false),
        ] {
            assert_eq!(is_event_name(text, open), expected, "{text}");
        }
    }

    #[test]
    fn a_signature_is_left_out_in_words_only() {
        let check = |json: serde_json::Value| {
            let mut wrong = Wrong::default();
            let given: Signature = serde_json::from_value(json).expect("reads");
            scheme_of(Some(&given), &mut wrong);
            wrong.0.first().map(|it| it.path.clone())
        };
        use serde_json::json;
        let waived = Some("/signature/insecure_no_signature".to_owned());
        assert_eq!(check(json!({ "scheme": "github" })), None);
        assert_eq!(check(json!({ "scheme": "none" })), waived);
        assert_eq!(check(json!({ "scheme": "none", "insecure_no_signature": true })), None);
        assert_eq!(check(json!({ "scheme": "none", "insecure_no_signature": false })), waived);
        assert_eq!(check(json!({ "scheme": "github", "insecure_no_signature": true })), waived);
        assert_eq!(check(json!({ "scheme": "hmac" })).as_deref(), Some("/signature/header"));
        assert_eq!(check(json!({ "scheme": "hmac", "header": "X-Sig", "algorithm": "sha256" })), None);
        assert_eq!(check(json!({ "scheme": "slack", "header": "X-Sig" })).as_deref(), Some("/signature"));
    }
}
