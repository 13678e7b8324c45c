//! The form of a webhook agent's config.

use serde_json::{Value, json};

use crate::adapters::form::ordered;

const ORDER: [&str; 17] = [
    "method",
    "headers",
    "query",
    "body_format",
    "request",
    "response",
    "reply",
    "callback_header",
    "callback_field",
    "stream",
    "stream_text",
    "success_statuses",
    "success_when",
    "error_message",
    "api_key_header",
    "timeout_ms",
    "health_url",
];

pub(super) fn template() -> Value {
    json!({
        "url": "https://example.com/webhook/my-agent",
        "method": "POST",
    })
}

pub(super) fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Webhook",
        "additionalProperties": false,
        "required": ["url"],
    });
    let mut properties = basics();
    for group in [mappings(), replies(), advanced()] {
        if let (Value::Object(all), Value::Object(more)) = (&mut properties, group) {
            all.extend(more);
        }
    }
    schema["properties"] = properties;
    ordered(schema, &ORDER)
}

fn basics() -> Value {
    json!({
        "url": {
            "type": "string", "title": "Address", "minLength": 1, "maxLength": 4000,
            "description": "Where the input is sent. {{ }} in the path or the query takes a value out of the input, safely encoded.",
            "examples": ["https://example.com/webhook/support", "https://api.example.com/tickets/{{ input.ticket_id }}/triage"],
        },
        "method": {
            "type": "string", "title": "Method", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"], "default": "POST",
            "description": "GET and DELETE send no body.",
        },
        "headers": {
            "type": "object", "title": "Headers", "additionalProperties": {"type": "string", "maxLength": 4000},
            "maxProperties": 50, "x-widget": "key-values",
            "description": "Sent with every request. {{ }} takes a value out of the input. Secrets belong into a credential.",
            "examples": [{"X-Team": "support"}],
        },
        "query": {
            "type": "object", "title": "Query", "additionalProperties": {"type": "string", "maxLength": 4000},
            "maxProperties": 50, "x-widget": "key-values",
            "description": "Added to the address. {{ }} takes a value out of the input.",
            "examples": [{"lang": "{{ input.language }}"}],
        },
    })
}

fn mappings() -> Value {
    json!({
        "request": {
            "type": ["string", "object", "array", "null"], "title": "Request mapping", "x-widget": "code", "x-group": "Mapping",
            "description": "What is sent as the body. Empty: the input as it is. An expression over input and run (id, session_id, attempt, callback_url), or JSON with {{ expressions }} in its texts.",
            "examples": [{"question": "{{ input.text }}", "user": "{{ input.user.id }}"}, "{\"text\": input.text|trim}"],
        },
        "response": {
            "type": ["string", "object", "array", "null"], "title": "Response mapping", "x-widget": "code", "x-group": "Mapping",
            "description": "What of the answer is the result. Empty: the body; text becomes {\"text\": …}. An expression over body, status and headers (names in lower case), or JSON with {{ expressions }} in its texts.",
            "examples": ["body.result", {"answer": "{{ body.choices[0].text }}", "ticket": "{{ headers['x-ticket'] }}"}],
        },
        "body_format": {
            "type": "string", "title": "Body format", "enum": ["json", "form", "text", "none"], "default": "json",
            "x-group": "Mapping", "description": "How the body is written. A form is made from an object.",
        },
        "success_when": {
            "type": "string", "title": "Succeeds when", "x-widget": "code", "x-group": "Mapping", "maxLength": 4096,
            "description": "An expression over body, status and headers that must hold; for services that report errors with a good status.",
            "examples": ["body.ok", "not body.error"],
        },
        "error_message": {
            "type": "string", "title": "Error message", "x-widget": "code", "x-group": "Mapping", "maxLength": 4096,
            "description": "An expression for the reason where it did not succeed.", "examples": ["body.error.message"],
        },
    })
}

fn replies() -> Value {
    json!({
        "reply": {
            "type": "string", "title": "Answer comes", "enum": ["sync", "callback"], "default": "sync", "x-group": "Answer",
            "description": "sync: in the response. callback: the service takes the work and posts its answer to a one-time address later.",
        },
        "callback_header": {
            "type": "string", "title": "Callback header", "default": "X-Callback-Url", "x-group": "Answer", "maxLength": 100,
            "description": "The header that carries the callback address.",
        },
        "callback_field": {
            "type": "string", "title": "Callback field", "x-group": "Answer", "maxLength": 200,
            "description": "The field of the JSON body that carries the callback address.", "examples": ["callback_url"],
        },
        "stream": {
            "type": "string", "title": "Stream", "enum": ["none", "sse", "ndjson"], "default": "none", "x-group": "Answer",
            "description": "Whether the answer comes in pieces: server-sent events, or a line of JSON each.",
        },
        "stream_text": {
            "type": "string", "title": "Text of a piece", "x-widget": "code", "x-group": "Answer", "maxLength": 4096,
            "description": "An expression over data and event that yields the text of a piece. Empty: texts as they are, JSON as pieces.",
            "examples": ["data.content if data.type == 'item' else none", "data.choices[0].delta.content"],
        },
    })
}

fn advanced() -> Value {
    json!({
        "success_statuses": {
            "type": "array", "title": "Good statuses", "items": {"type": "string", "pattern": "^[1-5]([0-9]{2}|[xX]{2})$"},
            "maxItems": 20, "default": ["2xx"], "x-group": "Advanced", "examples": [["200", "202", "404"]],
            "description": "Statuses that count as an answer.",
        },
        "api_key_header": {
            "type": "string", "title": "Header of the API key", "default": "X-API-Key", "x-group": "Advanced", "maxLength": 100,
            "description": "Where a credential of the kind api_key is put. Authorization sends it as a bearer token.",
        },
        "timeout_ms": {
            "type": ["integer", "null"], "title": "Time limit", "minimum": 1, "maximum": 86_400_000, "x-unit": "ms", "x-group": "Advanced",
            "description": "For one attempt, to the last byte or the callback. Empty: the agent's time limit.", "examples": [30000],
        },
        "health_url": {
            "type": "string", "title": "Health address", "x-group": "Advanced", "maxLength": 4000,
            "description": "Asked with GET when the connection is tested: the agent's own address is not called, because that would start its work.",
            "examples": ["https://example.com/healthz"],
        },
    })
}
