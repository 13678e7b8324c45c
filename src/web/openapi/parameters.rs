//! Parameters: the named parts of a path, the fields of a query, the headers that many calls take.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::base::{
    AgentId, AuditId, CredentialId, ExecutionId, InvitationId, KeyId, OrgId, SessionId, UserId,
};
use crate::web::idempotency::takes_key;
use crate::web::route::Route;

/// The path without what only the server's matcher reads: `/x/{rest:.*}` → `/x/{rest}`.
pub(super) fn plain_path(path: &str) -> String {
    path.split('/')
        .map(|it| match it.split_once(':') {
            Some((name, _)) if it.starts_with('{') => format!("{name}}}"),
            _ => it.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Parameters of one route.
pub(super) fn of(route: &Route) -> Vec<Value> {
    let mut all: Vec<Value> = plain_path(route.path)
        .split('/')
        .filter_map(|it| it.strip_prefix('{')?.strip_suffix('}').map(part))
        .collect();
    if let Some(schema) = route.query {
        all.extend(fields(&Schemas::query(schema)));
    }
    all.push(json!({"$ref": "#/components/parameters/RequestId"}));
    if takes_key(route) {
        all.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
    }
    if ["PUT", "PATCH", "DELETE"].contains(&route.method.as_str()) {
        all.push(json!({"$ref": "#/components/parameters/IfMatch"}));
    }
    all
}

fn part(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": schema_of_part(name)})
}

/// Parts of paths are named after what they are the id of.
fn schema_of_part(name: &str) -> Value {
    match name {
        "agent" => json!({
            "type": "string", "minLength": 1, "maxLength": 80,
            "pattern": "^(agt_[0-7][0-9a-hjkmnp-tv-z]{25}|[a-z0-9]+(-[a-z0-9]+)*)$",
            "description": "Id (`agt_…`) or slug of an agent."
        }),
        "version" => json!({
            "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[0-9A-Za-z][0-9A-Za-z.+_-]*$",
            "description": "Number of a version: `1.2.0`."
        }),
        "chain" => json!({
            "type": "string", "minLength": 1, "maxLength": 80,
            "pattern": "^(wfl_[0-7][0-9a-hjkmnp-tv-z]{25}|[a-z0-9]+(-[a-z0-9]+)*)$",
            "description": "Id (`wfl_…`) or slug of a chain."
        }),
        "execution" | "chain_run" => id_of::<ExecutionId>(),
        "credential" => id_of::<CredentialId>(),
        "key" => id_of::<KeyId>(),
        "user" | "member" => id_of::<UserId>(),
        "org" | "organization" => id_of::<OrgId>(),
        "invitation" => id_of::<InvitationId>(),
        "session" => id_of::<SessionId>(),
        "entry" => id_of::<AuditId>(),
        "agent_id" => id_of::<AgentId>(),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

fn id_of<T: schemars::JsonSchema>() -> Value {
    T::json_schema(&mut schemars::SchemaGenerator::default()).to_value()
}

/// The fields of a query's schema, one parameter each.
fn fields(schema: &Value) -> Vec<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    properties
        .iter()
        .map(|(name, schema)| {
            let mut schema = without_null(schema.clone());
            let description = schema.as_object_mut().and_then(|it| it.remove("description"));
            let mut parameter = json!({
                "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema
            });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter
        })
        .collect()
}

/// A query's field is left out, never `null`.
fn without_null(mut schema: Value) -> Value {
    let Some(map) = schema.as_object_mut() else { return schema };
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(options)) = map.get_mut("anyOf") {
        options.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = options.as_slice() {
            let only = only.clone();
            map.remove("anyOf");
            for (name, value) in only {
                map.entry(name).or_insert(value);
            }
        }
    }
    schema
}

/// `components.parameters`.
pub(super) fn common() -> Value {
    json!({
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "required": false,
            "description": "Your own name for this request, for finding it in logs; anything else is replaced.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9A-Za-z._-]+$"}
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes the call safe to repeat: within 24 hours the same key and body get the first \
                            answer again, with `Idempotent-Replay: true`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` that you read; where the resource has changed since, the answer is `412`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^(\\*|\"[!#-~]*\")$"}
        }
    })
}
