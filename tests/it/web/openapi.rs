//! The OpenAPI document: whole, valid, and true to the table.

use std::collections::BTreeSet;

use reeve::app;
use reeve::base::Code;
use reeve::web::{Route, document, is_described};
use serde_json::{Value, json};

use super::probe;

fn routes() -> Vec<Route> {
    let mut routes = app::routes();
    routes.extend(probe::routes());
    routes
}

fn described() -> Value {
    document(&routes(), "http://localhost")
}

fn refs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(it)) = map.get("$ref") {
                found.push(it.clone());
            }
            map.values().for_each(|it| refs(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| refs(it, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut found = Vec::new();
    refs(&document, &mut found);
    assert!(found.len() > 10);
    for it in found {
        let pointer = it.strip_prefix('#').expect("local");
        assert!(document.pointer(pointer).is_some(), "{it} leads nowhere");
    }
}

#[test]
fn every_schema_is_one() {
    let document = described();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    assert!(schemas.contains_key("Envelope"));
    for (name, schema) in schemas {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}: {schema}");
        assert!(name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it)), "{name}");
        // A number is what the generator adds where two types have one name.
        assert!(!name.ends_with(|it: char| it.is_ascii_digit()), "{name} says not what it is");
    }
    assert_eq!(
        schemas["ExecutionPage"]["properties"]["items"]["items"]["$ref"],
        "#/components/schemas/Execution"
    );
}

#[test]
fn every_operation_is_whole_and_named_once() {
    let table = routes();
    let document = document(&table, "http://localhost");
    let mut names = BTreeSet::new();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            operations += 1;
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(operation["summary"].as_str().is_some_and(|it| !it.is_empty()), "{method} {path}");
            let parameters = operation["parameters"].as_array().expect("parameters");
            let named = |it: &str| parameters.iter().any(|p| p["in"] == "path" && p["name"] == it);
            for part in path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')) {
                assert!(named(part), "{path} does not describe {part}");
            }
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                assert!(answer["description"].is_string(), "{method} {path} {status}");
            }
        }
    }
    assert_eq!(operations, table.iter().filter(|it| is_described(it)).count());
}

#[test]
fn a_type_that_is_read_otherwise_than_written_has_two_schemas() {
    let document = described();
    let body = &document["paths"]["/api/probe/{agent}"]["post"]["requestBody"]["content"]["application/json"];
    let input = body["schema"]["$ref"].as_str().expect("a reference");
    let schema = document.pointer(&input[1..]).expect("a schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["name"]));
    assert_eq!(body["example"]["name"], "name");
}

#[test]
fn errors_of_a_route_are_said_by_status() {
    let document = described();
    let answers = &document["paths"]["/api/probe/{agent}"]["post"]["responses"];
    for status in ["201", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"] {
        assert!(answers[status].is_object(), "{status}: {answers}");
    }
    let conflict = answers["409"]["description"].as_str().expect("text");
    assert!(conflict.contains(Code::IdempotencyKeyReused.name()), "{conflict}");
}
