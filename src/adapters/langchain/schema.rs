//! The form of the config of a runnable.

use serde_json::{Value, json};

use crate::adapters::form::ordered;

const ORDER: [&str; 7] =
    ["takes", "answer", "configurable", "session_key", "headers", "api_key_header", "timeout_ms"];

pub(super) fn template() -> Value {
    json!({ "url": "https://chains.example.com/echo", "takes": "json", "answer": "stream" })
}

pub(super) fn schema() -> Value {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "LangChain",
        "additionalProperties": false,
        "required": ["url"],
        "properties": {
            "url": {
                "type": "string", "title": "Address", "minLength": 1, "maxLength": 2000,
                "description": "Where the runnable is mounted, without /invoke or /stream.",
                "examples": ["https://chains.example.com/echo", "http://127.0.0.1:8000/rag"],
            },
            "takes": {
                "type": "string", "title": "It takes", "enum": ["json", "text", "messages"], "default": "json",
                "description": "json: the input as it is. text: the user's words. messages: the conversation, with what was said in the session before.",
            },
            "answer": {
                "type": "string", "title": "It answers", "enum": ["stream", "events", "whole"], "default": "stream",
                "description": "stream: piece by piece. events: also the steps, tools and models inside it. whole: in one piece, which cannot be stopped at the far end.",
            },
            "configurable": {
                "type": "object", "title": "Configurable fields", "x-widget": "code", "x-group": "Advanced",
                "description": "JSON that goes to the runnable as config.configurable.", "examples": [{"temperature": 0.2}],
            },
            "session_key": {
                "type": ["string", "null"], "title": "Field of the session", "maxLength": 100, "x-group": "Advanced",
                "description": "For runnables that keep the history themselves: under this name of config.configurable they get the id of the session.",
                "examples": ["session_id"],
            },
            "headers": {
                "type": "object", "title": "Headers", "additionalProperties": {"type": "string", "maxLength": 4000},
                "maxProperties": 50, "x-widget": "key-values", "x-group": "Advanced",
                "description": "Sent with every request. Secrets belong into a credential.",
                "examples": [{"X-Team": "support"}],
            },
            "api_key_header": {
                "type": "string", "title": "Header of the API key", "default": "x-api-key", "x-group": "Advanced",
                "maxLength": 100, "description": "LangServe has no keys of its own; this is what its operator has chosen.",
                "examples": ["x-api-key"],
            },
            "timeout_ms": {
                "type": ["integer", "null"], "title": "Time limit", "minimum": 1, "maximum": 86_400_000, "x-unit": "ms", "x-group": "Advanced",
                "description": "For one attempt, to the last piece. Empty: the agent's time limit.", "examples": [120_000],
            },
        },
    });
    ordered(schema, &ORDER)
}
