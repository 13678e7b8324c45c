//! What a person says, as an input of the agent.

use serde_json::{Value, json};

use crate::access::Cx;
use crate::agents::{self, Runnable, Spec};
use crate::base::{AgentId, Error, Json, Result};

/// Fields in which agents take a text, where their schema asks for no other one.
const TEXT_FIELDS: [&str; 5] = ["text", "message", "question", "prompt", "query"];

/// A text in the form in which the agent's published version takes one: as it is, or in the one field that the
/// version needs.
///
/// Errors: those of `agents::resolve` and `agents::version`; `ValidationFailed` where it takes none.
pub fn input_of(cx: &Cx, agent: AgentId, text: &str) -> Result<Json> {
    let runnable = agents::resolve(cx, &cx.read()?, &agent.to_string(), Spec::Current)?;
    let needed = needed_field(cx, &runnable)?;
    let names = needed.iter().map(String::as_str).chain(TEXT_FIELDS);
    let named = names.map(|it| Value::from_iter([(it.to_owned(), json!(text))]));
    let mut forms = std::iter::once(json!(text)).chain(named).map(|it| Json::of(&it));
    let taken = forms.find(|it| runnable.version.check_input(it).is_ok());
    taken.ok_or_else(|| Error::invalid_at("text", "this agent needs more than a text: its input schema asks for other fields; run it from its own page"))
}

fn needed_field(cx: &Cx, runnable: &Runnable) -> Result<Option<String>> {
    let number = Spec::Exactly(runnable.version.number);
    let schema = agents::version(cx, &runnable.agent.id.to_string(), number)?.input_schema.to_value();
    Ok(match schema["required"].as_array().map(Vec::as_slice) {
        Some([Value::String(only)]) => Some(only.clone()),
        _ => None,
    })
}

/// What was said, for people: the text where it is one, or the one field that is; otherwise the JSON.
pub fn words(content: &Json) -> String {
    let value = content.to_value();
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let only = value.as_object().filter(|it| it.len() == 1).and_then(|it| it.values().next());
    let text = only.and_then(Value::as_str);
    text.map_or_else(|| serde_json::to_string_pretty(&value).unwrap_or_default(), str::to_owned)
}

/// How it begins, in one line.
pub(super) fn first_words(content: &Json) -> String {
    const MOST_CHARS: usize = 80;
    let text = words(content);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > MOST_CHARS {
            line.extend(word.chars().take(if line.is_empty() { MOST_CHARS } else { 0 }));
            line.push('…');
            break;
        }
        line.push_str(word);
        line.push(' ');
    }
    line.trim_end().to_owned()
}

/// Whether one can talk to the agent.
pub fn takes_words(cx: &Cx, agent: AgentId) -> bool {
    input_of(cx, agent, "Hello, is anybody there?").is_ok()
}
