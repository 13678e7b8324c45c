//! Every package is whole, and does on its samples what it says.

use serde_json::{Value, json};

use super::*;
use crate::models::{Builtin, Request, builtin::Task};

fn run(package: &Package, input: &Value) -> Value {
    let task = package.manifest.config["task"].as_str().and_then(Task::from_name).expect("a task");
    let request = Request::of(package.instructions.clone(), input.to_string())
        .with_schema(package.output_schema.clone());
    let reply = Builtin::new(task).think(&request);
    let value = reply.json.expect("json");
    assert_eq!(serde_json::from_str::<Value>(&reply.text).expect("text is JSON"), value);
    value
}

fn fits(schema: &Value, value: &Value) {
    let validator = jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?} in {value:#}");
}

#[test]
fn every_package_is_whole_and_its_samples_run() {
    let packages = all().expect("whole");
    let slugs: Vec<&str> = packages.iter().map(|it| it.manifest.slug.as_str()).collect();
    assert_eq!(slugs, ["document-digest", "ticket-triage"]);
    for package in &packages {
        assert!(package.samples.len() >= 3, "{}", package.manifest.slug);
        assert!(!package.readme.is_empty() && !package.manifest.capabilities.is_empty());
        for sample in &package.samples {
            fits(&package.input_schema, &sample.input);
            fits(&package.output_schema, &run(package, &sample.input));
        }
    }
    assert!(get("no-such-package").expect("whole").is_none());
}

fn check(slug: &str, sample: &str, expected: &[(&str, Value)]) {
    let package = get(slug).expect("whole").expect("there");
    let sample = package.samples.iter().find(|it| it.name == sample).expect("the sample is there");
    let output = run(&package, &sample.input);
    for (pointer, value) in expected {
        assert_eq!(output.pointer(pointer).unwrap_or(&Value::Null), value, "{pointer} in {output:#}");
    }
}

#[test]
fn tickets_are_triaged_as_a_colleague_would() {
    check(
        "ticket-triage",
        "charged twice",
        &[
            ("/category", json!("billing")),
            ("/priority", json!("high")),
            ("/sentiment", json!("negative")),
            ("/escalate", json!(false)),
            ("/customer/name", json!("Maria Lopez")),
            ("/customer/email", json!("maria.lopez@example.com")),
            ("/invoice_number", json!("4711")),
            ("/amounts", json!([{"amount": 49.9, "currency": "USD"}])),
            ("/dates/0", json!("2026-03-02")),
            ("/order_number", Value::Null),
        ],
    );
    check(
        "ticket-triage",
        "production down",
        &[
            ("/category", json!("technical")),
            ("/priority", json!("critical")),
            ("/escalate", json!(true)),
            ("/customer/name", json!("Jonas Weber")),
            ("/customer/phone", json!("+49 30 5550142")),
        ],
    );
    check(
        "ticket-triage",
        "dark mode",
        &[
            ("/category", json!("feature_request")),
            ("/priority", json!("low")),
            ("/sentiment", json!("positive")),
            ("/escalate", json!(false)),
            ("/customer/name", json!("Priya")),
        ],
    );
    check(
        "ticket-triage",
        "locked out",
        &[
            ("/category", json!("account")),
            ("/priority", json!("high")),
            ("/customer/name", json!("Tobi Okafor")),
            ("/customer/email", json!("t.okafor@example.org")),
        ],
    );
    check(
        "ticket-triage",
        "parcel",
        &[
            ("/category", json!("shipping")),
            ("/sentiment", json!("negative")),
            ("/order_number", json!("A-10293")),
            ("/customer/name", json!("Karl Lindqvist")),
            ("/dates", json!(["2026-02-12"])),
        ],
    );
    check(
        "ticket-triage",
        "doppelte abbuchung",
        &[
            ("/category", json!("billing")),
            ("/language", json!("de")),
            ("/invoice_number", json!("2026-118")),
            ("/amounts/0", json!({"amount": 129, "currency": "EUR"})),
            ("/customer/name", json!("Petra Vogel")),
        ],
    );
}

#[test]
fn documents_are_digested() {
    check(
        "document-digest",
        "board minutes",
        &[
            ("/title", json!("Board meeting of the Harbour Library Foundation")),
            ("/language", json!("en")),
            ("/dates/0", json!("2026-03-03")),
            (
                "/people",
                json!(["Ines Carvalho", "Tom Becker", "Yuki Tanaka", "Amira Haddad", "Leon Fischer"]),
            ),
        ],
    );
    check(
        "document-digest",
        "release notes",
        &[("/title", json!("Lantern 4.2")), ("/dates/0", json!("2026-02-02"))],
    );
    check(
        "document-digest",
        "field report",
        &[("/title", json!("What a season without ploughing did to our soil"))],
    );
    let package = get("document-digest").expect("whole").expect("there");
    for sample in &package.samples {
        let output = run(&package, &sample.input);
        let document = sample.input["document"].as_str().expect("text");
        let flat = document.replace('`', "");
        for point in output["key_points"].as_array().expect("a list") {
            let (text, line) =
                (point["point"].as_str().expect("text"), point["line"].as_u64().expect("a line"));
            assert!(flat.contains(text.trim_end_matches('…')), "{text}");
            let start: String = text.chars().take(20).collect();
            assert!(
                document
                    .lines()
                    .nth(line as usize - 1)
                    .is_some_and(|it| it.replace('`', "").contains(&start)),
                "{text}"
            );
        }
        assert!(output["key_points"].as_array().is_some_and(|it| it.len() >= 3));
        assert!(output["keywords"].as_array().is_some_and(|it| it.len() >= 5));
    }
}
