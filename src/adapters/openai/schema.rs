//! The form of the config of an OpenAI-compatible model.

use serde_json::{Value, json};

use crate::adapters::form::ordered;

const ORDER: [&str; 13] = [
    "system",
    "temperature",
    "max_tokens",
    "stream",
    "structured_output",
    "strict_schema",
    "input_price",
    "output_price",
    "headers",
    "extra",
    "include_usage",
    "api_key_header",
    "timeout_ms",
];

pub(super) fn template() -> Value {
    json!({
        "base_url": "https://api.openai.com/v1",
        "model": "gpt-4.1-mini",
        "stream": true,
    })
}

pub(super) fn schema() -> Value {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "OpenAI-compatible model",
        "additionalProperties": false,
        "required": ["base_url", "model"],
        "properties": {
            "base_url": {
                "type": "string", "title": "Base address", "minLength": 1, "maxLength": 2000,
                "default": "https://api.openai.com/v1",
                "description": "Where the service answers; usually ends in /v1.",
                "examples": ["https://api.openai.com/v1", "http://127.0.0.1:4000/v1", "http://ollama.internal:11434/v1"],
            },
            "model": {
                "type": "string", "title": "Model", "minLength": 1, "maxLength": 200,
                "description": "The model's name, as the service lists it.", "examples": ["gpt-4.1-mini", "llama3.2"],
            },
            "system": {
                "type": "string", "title": "System prompt", "x-widget": "textarea", "maxLength": 100_000,
                "description": "Used where the agent has no instructions of its own.",
            },
            "temperature": {
                "type": ["number", "null"], "title": "Temperature", "minimum": 0, "maximum": 2,
                "description": "0 is the most predictable. Empty: the service's own.", "examples": [0.2],
            },
            "max_tokens": {
                "type": ["integer", "null"], "title": "Longest answer", "minimum": 1, "x-unit": "tokens",
                "description": "Empty: the service's own limit. For models that want max_completion_tokens, put that under additional fields.",
                "examples": [1024],
            },
            "stream": {
                "type": "boolean", "title": "Stream", "default": true,
                "description": "Show the answer as it is written.",
            },
            "structured_output": {
                "type": "string", "title": "Structured output", "enum": ["none", "json_schema", "json_object"], "default": "none",
                "description": "json_schema: the model must write JSON that fits the agent's output schema. json_object: any JSON.",
            },
            "strict_schema": {
                "type": "boolean", "title": "Strict schema", "default": false, "x-group": "Advanced",
                "description": "Ask the service to enforce the schema. Every field must then be required and no others allowed.",
            },
            "input_price": {
                "type": ["number", "null"], "title": "Price of input", "minimum": 0, "maximum": 1_000_000,
                "x-unit": "per million tokens", "x-group": "Prices",
                "description": "For costs and budgets. Empty: not known, which is not nothing.", "examples": [0.4],
            },
            "output_price": {
                "type": ["number", "null"], "title": "Price of output", "minimum": 0, "maximum": 1_000_000,
                "x-unit": "per million tokens", "x-group": "Prices",
                "description": "For costs and budgets. Empty: not known, which is not nothing.", "examples": [1.6],
            },
            "headers": {
                "type": "object", "title": "Headers", "additionalProperties": {"type": "string", "maxLength": 4000},
                "maxProperties": 50, "x-widget": "key-values", "x-group": "Advanced",
                "description": "Sent with every request. Secrets belong into a credential.",
                "examples": [{"OpenAI-Organization": "org-123"}],
            },
            "extra": {
                "type": "object", "title": "Additional fields", "x-widget": "code", "x-group": "Advanced",
                "description": "JSON that is merged into the request.", "examples": [{"top_p": 0.9, "seed": 1}],
            },
            "include_usage": {
                "type": "boolean", "title": "Ask for usage", "default": true, "x-group": "Advanced",
                "description": "Asks for token counts at the end of a stream. Turn off for services that refuse stream_options.",
            },
            "api_key_header": {
                "type": "string", "title": "Header of the API key", "default": "Authorization", "x-group": "Advanced",
                "maxLength": 100, "description": "Authorization sends the key as a bearer token; Azure takes api-key.",
                "examples": ["api-key"],
            },
            "timeout_ms": {
                "type": ["integer", "null"], "title": "Time limit", "minimum": 1, "maximum": 86_400_000, "x-unit": "ms", "x-group": "Advanced",
                "description": "For one attempt, to the last token. Empty: the agent's time limit.", "examples": [120_000],
            },
        },
    });
    ordered(schema, &ORDER)
}
