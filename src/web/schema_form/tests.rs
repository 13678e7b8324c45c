//! Against the schemas of the real adapters, and for any value.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::adapters;

fn settings(kind: &str) -> SchemaForm {
    SchemaForm::of_settings("config", &adapters::find(kind).expect("an adapter").config_schema())
}

fn pairs(pairs: &[(&str, &str)]) -> Typed {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn every_adapters_template_comes_back_as_it_was() {
    for adapter in adapters::all() {
        let form = SchemaForm::of_settings("config", &adapter.config_schema());
        let template = adapter.template();
        let again = form.value(&form.typed(&template)).expect("reads");
        // What is as by default may be left out.
        let defaults = adapter.config_schema();
        for (key, value) in template.as_object().expect("an object") {
            let same = again.get(key) == Some(value);
            assert!(same || &defaults["properties"][key]["default"] == value, "{} {key}", adapter.kind());
        }
        assert_eq!(adapter.check(&again), Vec::new(), "{}", adapter.kind());
    }
}

#[test]
fn every_property_of_every_adapter_has_one_field() {
    for adapter in adapters::all() {
        let schema = adapter.config_schema();
        let form = SchemaForm::of_settings("config", &schema);
        let groups = form.groups(&form.typed(&json!({})), &Faults::none());
        let names: Vec<String> = groups.iter().flat_map(|it| &it.fields).map(|it| it.name.clone()).collect();
        let wanted = schema["properties"].as_object().expect("properties");
        assert_eq!(names.len(), wanted.len(), "{}", adapter.kind());
        for key in wanted.keys() {
            assert!(names.contains(&format!("config/{key}")), "{} {key}", adapter.kind());
        }
        let first = schema["required"][0].as_str().expect("a required one");
        assert_eq!(names[0], format!("config/{first}"), "{}", adapter.kind());
        assert!(groups[0].title.is_empty());
        let advanced = groups.iter().position(|it| it.title == "Advanced").expect("advanced ones");
        assert_eq!(advanced, groups.len() - 1, "{}", adapter.kind());
        assert!(!groups[advanced].open, "{}", adapter.kind());
    }
}

#[test]
fn what_was_typed_becomes_what_the_adapter_takes() {
    let typed = pairs(&[
        ("config/url", " https://example.com/hook "),
        ("config/method", "PUT"),
        ("config/headers", "X-Team: support\r\nX-Time: 10:30"),
        ("config/request", "{\"q\": \"{{ input.text }}\"}"),
        ("config/response", "body.result"),
        ("config/success_statuses", "200\r\n202\r\n"),
        ("config/timeout_ms", "5000"),
        ("config/stream", "none"),
        ("other", "x"),
    ]);
    let config = settings("webhook").value(&typed).expect("reads");
    assert_eq!(
        config,
        json!({
            "url": "https://example.com/hook",
            "method": "PUT",
            "headers": {"X-Team": "support", "X-Time": "10:30"},
            "request": {"q": "{{ input.text }}"},
            "response": "body.result",
            "success_statuses": ["200", "202"],
            "timeout_ms": 5000,
        })
    );
}

#[test]
fn a_switch_that_is_on_by_default_can_be_turned_off() {
    let form = settings("openai");
    let base = [("config/base_url", "http://127.0.0.1:4000/v1"), ("config/model", "m")];
    let off = form.value(&pairs(&base)).expect("reads");
    assert_eq!(off["stream"], json!(false));
    let on = [base.as_slice(), &[("config/stream", "true"), ("config/include_usage", "true")]].concat();
    assert_eq!(form.value(&pairs(&on)).expect("reads").get("stream"), None);
}

#[test]
fn nothing_typed_is_lost_where_it_does_not_fit() {
    let form = settings("webhook");
    let typed = pairs(&[
        ("config/url", "https://a.test"),
        ("config/timeout_ms", "soon"),
        ("config/headers", "no colon"),
        ("config/method", "SHOUT"),
    ]);
    let faults = form.value(&typed).expect_err("three faults");
    assert_eq!(faults.summary(["config/timeout_ms", "config/headers", "config/method"]).len(), 3);
    let groups = form.groups(&typed, &faults);
    let field = |name: &str| {
        let all = groups.iter().flat_map(|it| &it.fields);
        all.clone().find(|it| it.name == name).expect("a field").clone()
    };
    assert_eq!(
        (field("config/timeout_ms").value.as_str(), field("config/headers").value.as_str()),
        ("soon", "no colon")
    );
    assert!(!field("config/timeout_ms").error.is_empty());
    assert!(groups.iter().find(|it| it.title == "Advanced").expect("advanced").open, "a fault is in view");
}

#[test]
fn an_object_in_an_object_has_fields() {
    let schema = json!({
        "type": "object", "required": ["who"],
        "properties": {
            "who": {"type": "object", "title": "Person", "required": ["name"], "properties": {
                "name": {"type": "string"}, "age": {"type": "integer"}}},
            "more": {"type": "object", "properties": {"deep": {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}}}},
        },
    });
    let form = SchemaForm::of_input("input", &schema);
    let value = form.value(&pairs(&[("input/who/name", "Ada"), ("input/who/age", "36")])).expect("reads");
    assert_eq!(value, json!({"who": {"name": "Ada", "age": 36}}));
    assert!(!form.value(&[]).expect_err("a name is needed").on("input/who/name").is_empty());
    let typed = [("input/who/name", "Ada"), ("input/more/deep/a", "{\"b\": \"c\"}")];
    let value = form.value(&pairs(&typed)).expect("reads");
    assert_eq!(value["more"], json!({"deep": {"a": {"b": "c"}}}));
}

#[test]
fn a_schema_that_says_nothing_is_one_field_of_json() {
    let form = SchemaForm::of_input("input", &json!({}));
    assert!(!form.has_fields());
    assert_eq!(form.groups(&[], &Faults::none())[0].fields[0].name, "input");
    assert_eq!(form.value(&pairs(&[("input", "[1, 2]")])).expect("reads"), json!([1, 2]));
    assert_eq!(form.value(&[]).expect("reads"), json!({}));
    assert!(form.value(&pairs(&[("input", "{")])).is_err());
}

fn all_kinds() -> Value {
    json!({
        "type": "object",
        "properties": {
            "line": {"type": "string"},
            "area": {"type": "string", "x-widget": "textarea"},
            "code": {"type": ["string", "object", "array"], "x-widget": "code"},
            "whole": {"type": ["integer", "null"]},
            "number": {"type": "number"},
            "choice": {"enum": ["a", "b", 3]},
            "lines": {"type": "array", "items": {"type": "string"}},
            "pairs": {"type": "object", "additionalProperties": {"type": "string"}},
            "json": {"type": "array", "items": {"type": "integer"}},
        },
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    (
        "[!-~]{1,12}",
        "[!-~]([ -~\n]{0,20}[!-~])?",
        prop_oneof![
            "[!-~]{1,12}".prop_map(Value::from),
            "[a-z]{1,4}".prop_map(|it| json!({it: [1, "x"]})),
            Just(json!(["{}", 2])),
            Just(json!("{\"a\": 1}")),
        ],
        any::<i64>(),
        prop::collection::vec("[ -~\n]{0,8}", 1..4),
        prop::collection::btree_map("[ -~]{1,6}", "[ -~\n]{0,8}", 1..4),
        prop::sample::select(vec![json!("a"), json!("b"), json!(3)]),
    )
        .prop_map(|(line, area, code, whole, lines, pairs, choice)| {
            json!({
                "line": line, "area": area, "code": code, "whole": whole, "number": 0.5, "choice": choice,
                "lines": lines, "pairs": pairs, "json": [1, 2],
            })
        })
}

proptest! {
    #[test]
    fn any_value_comes_back_as_it_was(value in any_value()) {
        let form = SchemaForm::of_input("it", &all_kinds());
        let again = form.value(&form.typed(&value)).map_err(|it| it.summary([])).expect("reads");
        prop_assert_eq!(again, value);
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let form = SchemaForm::of_input("it", &all_kinds());
        let keys = ["line", "area", "code", "whole", "number", "choice", "lines", "pairs", "json"];
        let typed: Typed = keys.iter().map(|it| (format!("it/{it}"), text.clone())).collect();
        let faults = form.value(&typed).err().unwrap_or_default();
        for group in form.groups(&typed, &faults) {
            for field in group.fields {
                let _ = field.to_string();
            }
        }
    }
}
