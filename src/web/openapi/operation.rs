//! One route as an OpenAPI operation.

use std::collections::BTreeMap;

use actix_web::http::Method;
use serde_json::{Map, Value, json};

use super::parameters;
use super::sample::sample;
use super::schemas::Schemas;
use crate::base::Code;
use crate::web::failure::status_of;
use crate::web::idempotency::takes_key;
use crate::web::route::{Access, Kind, Limit, Route};

pub(super) fn describe(route: &Route, table: &[Route], schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route, table),
        "tags": [tag_of(route)],
        "summary": route.summary,
        "parameters": parameters::of(route),
        "responses": answers(route, schemas),
    });
    if let Access::Needs(action) = route.access {
        operation["description"] = json!(format!(
            "Needs the role {} and, of an API key, the scope `{}`.",
            action.least_role().name(),
            action.scope()
        ));
    }
    operation["security"] = match route.access {
        Access::Open => json!([]),
        _ => json!([{"bearer": []}, {"api_key": []}]),
    };
    if let Some(body) = &route.body {
        let schema = schemas.body(body.schema);
        operation["requestBody"] = json!({
            "required": body.required,
            "content": {body.content_type: {"schema": schema}}
        });
        for kind in body.others {
            operation["requestBody"]["content"][*kind] = json!({"schema": {"type": "string"}});
        }
    }
    operation
}

/// `executions::api::create` → `executions_create`; with the method behind it where two routes share a handler.
pub(crate) fn operation_id(route: &Route, table: &[Route]) -> String {
    let name = short_name(route);
    let shared = table.iter().filter(|it| super::is_described(it) && short_name(it) == name).count() > 1;
    if !shared {
        return name;
    }
    let path: Vec<&str> = route
        .path
        .split('/')
        .map(|it| it.trim_matches(['{', '}']))
        .filter(|it| !it.is_empty() && *it != "api")
        .collect();
    format!(
        "{name}_{}_{}",
        route.method.as_str().to_ascii_lowercase(),
        path.join("_").replace(['-', '.'], "_")
    )
}

fn short_name(route: &Route) -> String {
    let parts: Vec<&str> = route
        .name
        .split("::")
        .filter(|it| !["api", "web", "{{closure}}"].contains(it))
        .filter(|it| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .collect();
    let mut parts = parts;
    parts.dedup();
    parts.join("_")
}

/// The feature: what the path begins with, below `/api`.
pub(crate) fn tag_of(route: &Route) -> &'static str {
    let first = route.path.strip_prefix("/api/").and_then(|it| it.split('/').next());
    match first {
        None | Some("openapi.json") => "system",
        Some(first) => first,
    }
}

/// Every error that the route can answer, without doubles.
pub(crate) fn codes_of(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::Internal];
    let mut add = |more: &[Code]| codes.extend_from_slice(more);
    if route.access != Access::Open {
        add(&[Code::Unauthenticated]);
    }
    match route.access {
        Access::Needs(_) => add(&[Code::InsufficientPermissions, Code::AgentAccessDenied]),
        Access::Superadmin => add(&[Code::InsufficientPermissions]),
        Access::Open | Access::Member => {}
    }
    if route.limit != Limit::None {
        add(&[Code::RateLimited, Code::Unavailable]);
    }
    if route.path.contains('{') {
        add(&[Code::NotFound, Code::ValidationFailed]);
    }
    if route.query.is_some() || route.body.is_some() || takes_key(route) {
        add(&[Code::ValidationFailed]);
    }
    if !route.method.is_safe() {
        add(&[Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    if takes_key(route) {
        add(&[Code::IdempotencyKeyReused, Code::Conflict]);
    }
    if [Method::PUT, Method::PATCH, Method::DELETE].contains(&route.method) && route.kind == Kind::Api {
        add(&[Code::PreconditionFailed, Code::ValidationFailed]);
    }
    add(&route.errors);
    let mut unique = Vec::new();
    for code in codes {
        if !unique.contains(&code) {
            unique.push(code);
        }
    }
    unique
}

fn answers(route: &Route, schemas: &mut Schemas) -> Value {
    let mut all = Map::new();
    for answer in &route.answers {
        let mut said = json!({"description": answer.says, "headers": headers_of(route, answer.status)});
        match answer.schema {
            Some(schema) => {
                said["content"] = json!({answer.content_type: {"schema": schemas.answer(schema)}});
            }
            None if !answer.content_type.is_empty() => {
                said["content"] = json!({answer.content_type: {"schema": {"type": "string"}}});
            }
            None => {}
        }
        all.insert(answer.status.to_string(), said);
    }
    if route.method == Method::GET && all.contains_key("200") {
        all.insert("304".to_owned(), json!({"description": "As `If-None-Match` names it."}));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes_of(route) {
        by_status.entry(status_of(code)).or_default().push(code);
    }
    for (status, codes) in by_status {
        // The route's own word for a status goes before an error's.
        all.entry(status.to_string()).or_insert_with(|| failure(route, status, &codes));
    }
    Value::Object(all)
}

fn failure(route: &Route, status: u16, codes: &[Code]) -> Value {
    let names: Vec<String> = codes.iter().map(|it| format!("`{}`", it.name())).collect();
    json!({
        "description": format!("{}.", names.join(", ")),
        "headers": headers_of(route, status),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    })
}

fn headers_of(route: &Route, status: u16) -> Value {
    let mut names = vec!["X-Request-Id"];
    if route.limit != Limit::None && route.kind == Kind::Api {
        names.extend(["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
    }
    match status {
        200 => names.push("ETag"),
        201 | 202 => names.extend(["ETag", "Location"]),
        429 | 503 => names.push("Retry-After"),
        _ => {}
    }
    if takes_key(route) && status < 500 {
        names.push("Idempotent-Replay");
    }
    names.iter().map(|it| ((*it).to_owned(), json!({"$ref": format!("#/components/headers/{it}")}))).collect()
}

/// `components.headers`.
pub(super) fn common_headers() -> Value {
    json!({
        "X-Request-Id": {"description": "Names this request in logs and errors.", "schema": {"type": "string"}},
        "ETag": {"description": "Names the resource as it stands.", "schema": {"type": "string"}},
        "Location": {"description": "Where the resource is.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
        "RateLimit-Limit": {"description": "Calls in a minute.", "schema": {"type": "integer"}},
        "RateLimit-Remaining": {"description": "Calls left.", "schema": {"type": "integer"}},
        "RateLimit-Reset": {"description": "Seconds until all are back.", "schema": {"type": "integer"}},
        "Idempotent-Replay": {
            "description": "`true` where this is the answer to an earlier call with the same key.",
            "schema": {"type": "string", "enum": ["true"]}
        }
    })
}

/// Gives every request body an example that fits its schema.
pub(super) fn add_examples(document: &mut Value) {
    let all = document.clone();
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(|it| it.values_mut()) {
        let Some(contents) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut)
        else {
            continue;
        };
        for content in contents.values_mut() {
            let example = sample(&content["schema"], &all);
            content["example"] = example;
        }
    }
}
