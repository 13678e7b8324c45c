//! The one error that crosses feature boundaries: a stable code, a sentence for the person, a cause for the
//! operator. What a code means in HTTP is known to `web` alone.

use std::error::Error as StdError;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Every error a client can meet. Names are part of the contract and never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Code::$name => stringify!($name),)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

codes! {
    AgentNotFound,
    InvalidAgentConfig,
    AgentCreationFailed,
    /// A published version is immutable; or the version's state does not allow this.
    VersionConflict,
    DuplicateAgentName,
    /// The agent, or what stands behind it, answered with an error.
    ExecutionFailed,
    ExecutionTimeout,
    /// A step of a chain failed, and with it the run.
    ChainExecutionFailed,
    /// A crash met a step that may run at most once.
    Interrupted,
    /// The run was stopped before it ended.
    ExecutionCancelled,
    /// The agent or the organization is stopped: no run begins until that is lifted.
    Stopped,
    /// The input does not fit the agent's input schema.
    InvalidInput,
    /// The output does not fit the agent's output schema.
    InvalidOutput,
    ResourceExhausted,
    InsufficientPermissions,
    /// The token's scopes do not reach.
    AgentAccessDenied,
    OrganizationLimitExceeded,
    VisibilityViolation,
    CredentialInvalid,
    EgressDenied,
    Unauthenticated,
    ValidationFailed,
    NotFound,
    MethodNotAllowed,
    UnsupportedMediaType,
    Conflict,
    IdempotencyKeyReused,
    PreconditionFailed,
    PayloadTooLarge,
    RateLimited,
    Unavailable,
    Internal,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invalid {
    /// JSON Pointer to the field, e.g. `/config/url`.
    pub path: String,
    pub message: String,
}

pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    details: Map<String, Value>,
    invalid: Vec<Invalid>,
    suggestions: Vec<String>,
    retry_after_ms: Option<u64>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            details: Map::new(),
            invalid: Vec::new(),
            suggestions: Vec::new(),
            retry_after_ms: None,
            source: None,
        }))
    }

    /// The caller's mistake, said as what would be right: `a name has 1 to 80 characters`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed, message)
    }

    /// As `invalid`, for one field; `field` is a name or a JSON Pointer.
    pub fn invalid_at(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::invalid(placed(field, &message)).at(field, message)
    }

    /// Several wrong fields at once. The sentence is the first of them.
    pub fn invalid_fields(code: Code, fields: Vec<Invalid>) -> Self {
        let message = match fields.as_slice() {
            [] => "the request is not valid".to_owned(),
            [one] => placed(&one.path, &one.message),
            [first, rest @ ..] => {
                format!("{} (and {} more)", placed(&first.path, &first.message), rest.len())
            }
        };
        let mut error = Self::new(code, message);
        error.0.invalid = fields;
        error
    }

    /// `noun` is what a person calls it: `agent`, `execution`.
    pub fn not_found(noun: &str, id: impl fmt::Display) -> Self {
        let code = if noun == "agent" { Code::AgentNotFound } else { Code::NotFound };
        Self::new(code, format!("no {noun} {id} in this organization"))
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::InsufficientPermissions, message)
    }

    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message).retry_after(1_000)
    }

    /// Ours. The caller reads a sentence that gives nothing away; `doing` and the cause are logged.
    pub fn internal(doing: &str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = format!("{doing}: {}", source.into());
        Self::new(Code::Internal, "something went wrong on our side").caused_by(cause)
    }

    pub fn at(mut self, path: &str, message: impl Into<String>) -> Self {
        let path =
            if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        self.0.invalid.push(Invalid { path, message: message.into() });
        self
    }

    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    pub fn suggest(mut self, action: impl Into<String>) -> Self {
        self.0.suggestions.push(action.into());
        self
    }

    pub fn retry_after(mut self, ms: u64) -> Self {
        self.0.retry_after_ms = Some(ms);
        self
    }

    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }

    pub fn invalid_list(&self) -> &[Invalid] {
        &self.0.invalid
    }

    pub fn suggestions(&self) -> &[String] {
        &self.0.suggestions
    }

    pub fn retry_after_ms(&self) -> Option<u64> {
        self.0.retry_after_ms
    }

    pub fn is(&self, code: Code) -> bool {
        self.0.code == code
    }
}

/// A fault with its field, or of what was sent as a whole.
fn placed(path: &str, message: &str) -> String {
    match path.trim_start_matches('/') {
        "" if message.starts_with("is ") || message.starts_with("has ") => format!("the body {message}"),
        "" => message.to_owned(),
        field => format!("{field}: {message}"),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|it| it.as_ref() as &(dyn StdError + 'static))
    }
}

/// Turns a failure that no request can cause into an `Internal` error that says what we were doing.
pub trait Doing<T> {
    fn doing(self, what: &str) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T> {
        self.map_err(|it| Error::internal(what, it))
    }
}
