//! One file per kind of agent. An adapter knows requests and answers; it has never heard of organizations,
//! executions or pages. Adding a platform is its file and one line of `ALL`.

mod call;
mod callbacks;
mod estimate;
mod form;
mod found;
mod headers;
mod http;
mod langchain;
pub mod mapping;
mod messages;
mod native;
mod openai;
mod webhook;

pub use call::{
    Abilities, Call, CallError, Callback, Callbacks, Check, Credential, CredentialValue, Event, LogLevel,
    Outcome, Probe, Sink, Turn, Upstream, Usage, known,
};

pub use callbacks::CallbackDesk;
pub use estimate::{Asked, Estimate};
pub use found::Found;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use crate::base::Invalid;

#[async_trait]
pub trait Adapter: Send + Sync {
    /// Stored with every agent version (`webhook`); never changes once released.
    fn kind(&self) -> &'static str;

    fn label(&self) -> &'static str;

    /// One sentence for the person who chooses among the kinds.
    fn summary(&self) -> &'static str;

    /// JSON Schema (2020-12) of an agent's `config`. The form, the check and the documentation come from it:
    /// `title`, `description`, `default`, `examples`, `enum`, plus `x-unit` (`ms`), `x-widget` (`textarea`,
    /// `code`, `key-values`) and `x-group` (a heading; `Advanced` is folded away). Field order is `required`
    /// first, then `x-order`.
    fn config_schema(&self) -> Value;

    /// Kinds of credential it can use (`bearer`, `api_key`, …); empty where it needs none.
    fn credential_kinds(&self) -> &'static [&'static str];

    fn abilities(&self) -> Abilities;

    /// What the far end knows of a call that was stopped, where the call itself does not say (`Event::Stopped`).
    fn when_stopped(&self) -> Upstream {
        if self.abilities().cancels { Upstream::Told } else { Upstream::Unknown }
    }

    /// A config that works as a starting point; becomes the template.
    fn template(&self) -> Value;

    /// What the schema cannot say. Paths are JSON Pointers into the config (`/url`).
    fn check(&self, config: &Value) -> Vec<Invalid>;

    /// Looks whether the far end answers and accepts the credentials, without doing work there where the
    /// platform allows that. Never fails: what went wrong is in the checks.
    async fn probe(&self, call: &Call) -> Probe;

    /// Of what at this address an agent of this kind could be made; nothing where something else answers there. Asks
    /// for descriptions only, and sets nothing going. The call lends its credentials and its time; it has no config.
    ///
    /// Errors: why it could not be found out: nothing answers, or what answers is of this kind and refuses.
    async fn discover(&self, _call: &Call, _address: &Url) -> Result<Vec<Found>, CallError> {
        Ok(Vec::new())
    }

    /// The most that a call may use. Nothing is known of what others do with their models.
    fn estimate(&self, _asked: &Asked<'_>) -> Estimate {
        Estimate::default()
    }

    /// Whether a call needs to be told what was said in its session before; others remember it themselves, or never
    /// look back.
    fn takes_history(&self) -> bool {
        false
    }

    /// Does the work once. Everything worth seeing goes to `sink` as it happens; the result is the outcome.
    /// Stops soon after `call.stop` is cancelled.
    async fn run(&self, call: &Call, sink: &dyn Sink) -> Result<Outcome, CallError>;
}

static ALL: &[&dyn Adapter] = &[&native::Native, &webhook::Webhook, &openai::OpenAi, &langchain::LangChain];

/// Every kind there is, in the order in which people are offered them.
pub fn all() -> &'static [&'static dyn Adapter] {
    ALL
}

pub fn find(kind: &str) -> Option<&'static dyn Adapter> {
    ALL.iter().copied().find(|it| it.kind() == kind)
}
