//! The most tokens that an answer has, told from what is asked without answering it. It is meant to be near what an
//! answer has: what is held back of a budget for it keeps others waiting.

use serde_json::Value;

use super::{Wish, tokens, wish};

/// No answer was seen to have more, however long its text.
const MOST: u64 = 4_096;
/// Headings, and names of what was found.
const FRAME: u64 = 120;
/// A sentence that says that nothing was found, or why a label was picked.
const SENTENCE: u64 = 40;
/// Of a field that quotes.
const QUOTE: u64 = 220;
const ITEMS: u64 = 20;
const MAX_DEPTH: usize = 12;

/// For a message of `content`.
pub fn most_tokens(content: &str, schema: Option<&Value>) -> u64 {
    let text = tokens::count(content);
    let most = match schema {
        Some(schema) if matches!(wish(schema), Wish::Fields) => of_value(schema, text, 0),
        // The text, its main points once more, and the facts in it.
        _ => FRAME.saturating_add(text.saturating_mul(3)),
    };
    most.min(MOST)
}

fn of_value(schema: &Value, text: u64, depth: usize) -> u64 {
    if depth > MAX_DEPTH {
        return MOST;
    }
    if let Some(one) = schema.get("const") {
        return 1 + tokens::count(&one.to_string());
    }
    if let Some(names) = schema["enum"].as_array() {
        return 1 + names.iter().map(|it| tokens::count(&it.to_string())).max().unwrap_or(0);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let of = |kind: &str| match kind {
        "object" => of_object(schema, text, depth),
        "array" => of_list(schema, text, depth),
        "integer" | "number" => 12,
        "boolean" | "null" => 2,
        _ => text.min(QUOTE) + SENTENCE,
    };
    let most = types.iter().map(|it| of(it)).max();
    most.unwrap_or_else(|| if schema.get("properties").is_some() { of("object") } else { of("string") })
}

/// Its items share the text among them: what they quote comes to the text about once, each in a frame.
fn of_list(schema: &Value, text: u64, depth: usize) -> u64 {
    let items = schema["maxItems"].as_u64().unwrap_or(ITEMS).min(ITEMS).min(text / 4 + 1);
    let frame = of_value(&schema["items"], 8, depth + 1).saturating_sub(SENTENCE);
    let whole = of_value(&schema["items"], text, depth + 1);
    items.saturating_mul(2 + frame).saturating_add(whole.saturating_mul(2))
}

fn of_object(schema: &Value, text: u64, depth: usize) -> u64 {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let all = fields.map(|(name, it)| 5 + tokens::count(name) + of_value(it, text, depth + 1));
    all.fold(4, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Builtin, Task};
    use super::*;
    use crate::models::Request;

    fn schemas() -> Vec<Option<Value>> {
        let mut all = vec![None];
        all.push(Some(json!({ "type": "object", "properties": {
            "summary": { "type": "string" }, "category": { "type": "string", "enum": ["billing", "bug", "other"] },
            "urgent": { "type": "boolean" }, "amount": { "type": ["number", "null"] },
            "people": { "type": "array", "items": { "type": "string" } }, "reason": { "type": "string" } },
            "required": ["summary", "category", "urgent", "amount", "people", "reason"] })));
        all.push(Some(json!({ "type": "array", "items": { "type": "object", "properties": {
            "name": { "type": "string" }, "date": { "type": "string", "format": "date" },
            "total": { "type": "number" } } } })));
        all
    }

    proptest! {
        #[test]
        fn no_answer_has_more(
            words in proptest::collection::vec(
                "Anna Meyer|Berta|GmbH|invoice 4711|12\\.50 EUR|on 2 January 2026|swims\\.|\\n\\n|- |[a-zäöü]{1,12}|[A-Z]{2,5}|[0-9]{1,4}|請求書|why\\?|a@b\\.de",
                0..160,
            ),
        ) {
            let text = words.join(" ");
            for schema in schemas() {
                for task in Task::ALL {
                    let mut request = Request::of("Read it.", text.clone());
                    request.output_schema = schema.clone().map(std::sync::Arc::new);
                    let used = Builtin::new(task).think(&request).tokens.output;
                    let most = most_tokens(&text, schema.as_ref());
                    prop_assert!(used <= most, "{used} of {most}: {text:?} {schema:?}");
                }
            }
        }
    }

    #[test]
    fn an_ordinary_answer_comes_near() {
        let text = "Anna Meyer of Acme wrote on 2 January 2026 that invoice 4711 over 12.50 EUR was paid twice. She \
                    asks for the money back. Berta looked into it and found that the bank had booked it twice.";
        for schema in schemas().into_iter().take(2) {
            let mut request = Request::of("Read it.", text);
            request.output_schema = schema.clone().map(std::sync::Arc::new);
            let used = Builtin::new(Task::Auto).think(&request).tokens.output;
            let most = most_tokens(text, schema.as_ref());
            assert!(most <= 5 * used, "{most} held for {used}, {schema:?}");
        }
    }
}
