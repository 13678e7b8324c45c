//! What a person says, as an input of the agent.

use serde_json::{Value, json};

use crate::access::Cx;
use crate::agents::{self, Spec};
use crate::base::{AgentId, Error, Json, Result};

/// Fields in which agents take a text, besides the text itself.
const TEXT_FIELDS: [&str; 5] = ["text", "message", "question", "prompt", "query"];

/// A text in the form in which the agent's published version takes one.
///
/// Errors: those of `agents::resolve`; `ValidationFailed` where it takes none.
pub fn input_of(cx: &Cx, agent: AgentId, text: &str) -> Result<Json> {
    let runnable = agents::resolve(cx, &cx.read()?, &agent.to_string(), Spec::Current)?;
    let named = TEXT_FIELDS.iter().map(|it| Value::from_iter([((*it).to_owned(), json!(text))]));
    let mut forms = std::iter::once(json!(text)).chain(named).map(|it| Json::of(&it));
    let taken = forms.find(|it| runnable.version.check_input(it).is_ok());
    taken.ok_or_else(|| Error::invalid_at("text", "this agent takes no plain text; run it from its own page"))
}

/// Whether one can talk to the agent.
pub fn takes_words(cx: &Cx, agent: AgentId) -> bool {
    input_of(cx, agent, "Hello, is anybody there?").is_ok()
}
