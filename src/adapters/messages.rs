//! From an input to messages, as chat models take them: `{role, content}`.

use serde_json::{Value, json};

use super::Turn;
use crate::base::Json;

/// Fields that hold the user's words, in the order in which they are looked for.
const TEXT_FIELDS: [&str; 6] = ["text", "prompt", "question", "message", "query", "input"];

/// `system` comes first, unless the input brings a system message of its own; then the session so far, unless the
/// input is a whole conversation itself.
pub(super) fn of(input: &Json, history: &[Turn], system: Option<&str>) -> Value {
    let mut messages = conversation(input);
    if messages.len() == 1 {
        messages.splice(0..0, history.iter().flat_map(said));
    }
    let has_own = messages.first().is_some_and(|it| it["role"] == "system" || it["role"] == "developer");
    if let Some(system) = system.filter(|_| !has_own) {
        messages.insert(0, json!({ "role": "system", "content": system }));
    }
    Value::Array(messages)
}

/// What the user said last, and the answer.
fn said(turn: &Turn) -> impl Iterator<Item = Value> {
    let asked = conversation(&turn.input).pop();
    let answer = turn.output.as_ref().map(|it| {
        let text = it.to_value();
        let text = text.as_str().or_else(|| text["text"].as_str()).unwrap_or(it.as_str());
        json!({ "role": "assistant", "content": text })
    });
    asked.into_iter().chain(answer)
}

/// What is asked, as one text: the user's words where the input has a field for them, else its JSON.
pub(super) fn text_of(input: &Json) -> String {
    let last = conversation(input).pop().unwrap_or_default();
    last["content"].as_str().map_or_else(|| input.as_str().to_owned(), str::to_owned)
}

fn conversation(input: &Json) -> Vec<Value> {
    let user = |content: Value| vec![json!({ "role": "user", "content": content })];
    match input.to_value() {
        Value::String(text) => user(text.into()),
        Value::Array(items) if is_conversation(&items) => items,
        Value::Object(mut fields) => {
            if let Some(Value::Array(items)) = fields.get("messages")
                && is_conversation(items)
            {
                return items.clone();
            }
            let text = TEXT_FIELDS.iter().find(|it| fields.get(**it).is_some_and(Value::is_string));
            match text {
                // Other fields are part of the question too.
                Some(name) if fields.len() == 1 => user(fields.remove(*name).unwrap_or_default()),
                _ => user(input.as_str().into()),
            }
        }
        _ => user(input.as_str().into()),
    }
}

fn is_conversation(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|it| it["role"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_become_messages() {
        let user =
            |text: &str| json!([{"role": "system", "content": "S"}, {"role": "user", "content": text}]);
        for (input, expected) in [
            (json!("hi"), user("hi")),
            (json!({"text": "hi"}), user("hi")),
            (json!({"question": "why?"}), user("why?")),
            (json!({"text": "hi", "lang": "en"}), user(r#"{"lang":"en","text":"hi"}"#)),
            (json!({"ticket": 7}), user(r#"{"ticket":7}"#)),
            (json!([1, 2]), user("[1,2]")),
            (json!({"messages": []}), user(r#"{"messages":[]}"#)),
            (
                json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
                json!([{"role": "system", "content": "S"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
            ),
            (
                json!({"messages": [{"role": "system", "content": "own"}]}),
                json!([{"role": "system", "content": "own"}]),
            ),
        ] {
            assert_eq!(of(&Json::of(&input), &[], Some("S")), expected, "{input}");
        }
        assert_eq!(of(&Json::of(&json!("hi")), &[], None), json!([{"role": "user", "content": "hi"}]));
    }

    #[test]
    fn an_input_is_one_text() {
        for (input, expected) in [
            (json!("hi"), "hi"),
            (json!({"question": "why?"}), "why?"),
            (json!({"text": "hi", "n": 1}), r#"{"n":1,"text":"hi"}"#),
            (json!(7), "7"),
            (json!({"messages": [{"role": "user", "content": "a"}]}), "a"),
            (
                json!([{"role": "user", "content": [{"type": "text"}]}]),
                r#"[{"content":[{"type":"text"}],"role":"user"}]"#,
            ),
        ] {
            assert_eq!(text_of(&Json::of(&input)), expected);
        }
    }

    #[test]
    fn a_session_goes_before_the_question() {
        let turn = |input: Value, output: Option<Value>| Turn {
            input: Json::of(&input),
            output: output.map(|it| Json::of(&it)),
        };
        let history = [
            turn(json!({"text": "a"}), Some(json!({"text": "b"}))),
            turn(json!("never mind"), None),
            turn(json!({"ticket": 7}), Some(json!({"team": "x"}))),
        ];
        let expected = json!([
            {"role": "system", "content": "S"},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "never mind"},
            {"role": "user", "content": r#"{"ticket":7}"#},
            {"role": "assistant", "content": r#"{"team":"x"}"#},
            {"role": "user", "content": "c"},
        ]);
        assert_eq!(of(&Json::of(&json!("c")), &history, Some("S")), expected);
        let whole = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
        assert_eq!(of(&Json::of(&whole), &history, None), whole);
    }
}
