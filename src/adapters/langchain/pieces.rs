//! Pieces of an answer, put together as LangChain does it: texts and lists behind each other, numbers summed, objects
//! field by field, and whatever does not add up replaced by what came last (`AddableDict` and `AIMessageChunk` of
//! langchain-core).

use std::collections::BTreeMap;

use serde_json::{Number, Value, json};

use crate::adapters::Usage;

/// Fields of a message of which there is one, however many pieces it comes in.
const OF_THE_WHOLE: [&str; 3] = ["type", "id", "name"];

/// `None` where nothing has come.
pub(super) fn add(whole: Option<Value>, piece: Value) -> Value {
    match (whole, piece) {
        (None | Some(Value::Null), piece) => piece,
        (Some(whole), Value::Null) => whole,
        (Some(Value::String(whole)), Value::String(piece)) => Value::String(whole + &piece),
        (Some(Value::Array(mut whole)), Value::Array(piece)) => {
            whole.extend(piece);
            Value::Array(whole)
        }
        (Some(Value::Object(mut whole)), Value::Object(piece)) => {
            for (name, value) in piece {
                let known = whole.remove(&name);
                let is_one = OF_THE_WHOLE.contains(&name.as_str()) && known.is_some();
                whole.insert(name, if is_one { known.unwrap_or_default() } else { add(known, value) });
            }
            Value::Object(whole)
        }
        (Some(Value::Number(whole)), Value::Number(piece)) => sum(&whole, &piece),
        (Some(_), piece) => piece,
    }
}

fn sum(a: &Number, b: &Number) -> Value {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.saturating_add(b).into(),
        _ => json!(a.as_f64().unwrap_or_default() + b.as_f64().unwrap_or_default()),
    }
}

/// What of a value a person reads: a text, or the content of a message.
pub(super) fn text_of(value: &Value) -> Option<String> {
    let content = if is_message(value) { &value["content"] } else { value };
    match content {
        Value::String(text) => Some(text.clone()),
        // Content in blocks: those of text.
        Value::Array(blocks) if is_message(value) => {
            let texts = blocks.iter().filter_map(|it| it.as_str().or_else(|| it["text"].as_str()));
            Some(texts.collect())
        }
        _ => None,
    }
}

pub(super) fn is_message(value: &Value) -> bool {
    value["type"].is_string() && value.get("content").is_some()
}

/// What the models of a message used, where it tells that.
pub(super) fn usage_of(message: &Value) -> Option<(u64, u64)> {
    let usage = message.get("usage_metadata").filter(|it| it.is_object())?;
    Some((usage["input_tokens"].as_u64()?, usage["output_tokens"].as_u64()?))
}

/// One call, whose price is known to nobody here.
pub(super) fn usage(tokens: Option<(u64, u64)>) -> Usage {
    let call = Usage::of_unknown_call();
    let Some((input_tokens, output_tokens)) = tokens else { return call };
    Usage { input_tokens, output_tokens, uncounted_calls: 0, ..call }
}

/// The result of a run: an object, as results are.
pub(super) fn result(whole: Value) -> Value {
    match (text_of(&whole), whole) {
        (Some(text), whole) if is_message(&whole) => {
            let mut result = json!({ "text": text });
            let calls = tool_calls(&whole);
            if !calls.is_empty() {
                result["tool_calls"] = calls.into();
            }
            result
        }
        (Some(text), _) => json!({ "text": text }),
        (None, whole) => whole,
    }
}

/// The tools that a message asks for. One that streamed has them in pieces: its `tool_calls` are guesses at what was
/// there so far.
fn tool_calls(message: &Value) -> Vec<Value> {
    let pieces = message["tool_call_chunks"].as_array().filter(|it| !it.is_empty());
    let Some(pieces) = pieces else {
        return message["tool_calls"].as_array().cloned().unwrap_or_default();
    };
    let mut calls: BTreeMap<u64, [String; 3]> = BTreeMap::new();
    for (nth, piece) in pieces.iter().enumerate() {
        let call = calls.entry(piece["index"].as_u64().unwrap_or(nth as u64)).or_default();
        for (part, name) in call.iter_mut().zip(["id", "name", "args"]) {
            part.push_str(piece[name].as_str().unwrap_or_default());
        }
    }
    let whole = calls.into_values().map(|[id, name, args]| {
        let args = serde_json::from_str(&args).unwrap_or(Value::String(args));
        json!({ "type": "tool_call", "id": id, "name": name, "args": args })
    });
    whole.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up() {
        for (pieces, whole) in [
            (vec![json!("a"), json!(" b")], json!("a b")),
            (vec![json!(7)], json!(7)),
            (
                vec![json!({"answer": "a"}), json!({"answer": "b", "docs": [1]}), json!({"docs": [2]})],
                json!({"answer": "ab", "docs": [1, 2]}),
            ),
            (
                vec![
                    json!({"type": "AIMessageChunk", "id": "r1", "content": "He"}),
                    json!({"type": "AIMessageChunk", "id": "r1", "content": "y"}),
                ],
                json!({"type": "AIMessageChunk", "id": "r1", "content": "Hey"}),
            ),
            (vec![json!({"n": 1}), json!({"n": 2}), json!({"n": null})], json!({"n": 3})),
            (vec![json!("a"), json!(["b"])], json!(["b"])),
            (vec![json!(null), json!(true)], json!(true)),
        ] {
            let added = pieces.into_iter().fold(None, |it, piece| Some(add(it, piece)));
            assert_eq!(added, Some(whole));
        }
    }

    #[test]
    fn results_are_what_a_person_reads_or_the_json() {
        for (whole, expected) in [
            (json!("hi"), json!({"text": "hi"})),
            (json!(3), json!(3)),
            (json!({"answer": "a"}), json!({"answer": "a"})),
            (json!({"type": "ai", "content": "hi", "tool_calls": []}), json!({"text": "hi"})),
            (json!({"type": "ai", "content": [{"type": "text", "text": "a"}, "b"]}), json!({"text": "ab"})),
            (
                json!({"type": "ai", "content": "", "tool_calls": [{"name": "f"}]}),
                json!({"text": "", "tool_calls": [{"name": "f"}]}),
            ),
            (
                json!({"type": "AIMessageChunk", "content": "", "tool_calls": [{"name": "f", "args": {}}], "tool_call_chunks": [
                {"index": 0, "id": "c1", "name": "f", "args": "{\"a\""}, {"index": 0, "id": null, "name": null, "args": ":1}"},
                {"index": 1, "id": "c2", "name": "g", "args": ""}]}),
                json!({"text": "", "tool_calls": [
                {"type": "tool_call", "id": "c1", "name": "f", "args": {"a": 1}},
                {"type": "tool_call", "id": "c2", "name": "g", "args": ""}]}),
            ),
        ] {
            assert_eq!(result(whole), expected);
        }
    }
}
