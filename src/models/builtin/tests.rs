//! The model through its front door: what it answers, and what always holds.

use std::sync::Mutex;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::models::{Message, Role};

const MAIL: &str = "From: Anna Meyer <anna@example.test>\nSubject: Order A-1002 arrived broken\n\nHello,\nthe lamp of order \
                    A-1002, delivered on 5 January 2026, arrived with a broken glass. I paid 89,90 € for it. Could you send \
                    a replacement before 20.01.2026? You can reach me at +49 30 5550199.\n\nKind regards\nAnna Meyer";

fn ask(instructions: &str, content: &str) -> String {
    Builtin::default().think(&Request::of(instructions, content)).text
}

fn fill_from(text: &str, schema: Value) -> Value {
    let reply = Builtin::default().think(&Request::of("", text).with_schema(schema));
    reply.json.expect("json")
}

fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::validator_for(schema).map_err(|it| it.to_string())?;
    validator
        .validate(value)
        .map_err(|it| format!("{it} at {} in {value:#} for {schema:#}", it.instance_path()))
}

#[test]
fn fields_are_found_by_name_type_and_format() {
    let check = |property: (&str, Value), expected: Value| {
        let (name, schema) = property;
        let found = fill_from(MAIL, json!({"type": "object", "properties": {name: schema}}));
        assert_eq!(found.get(name).unwrap_or(&Value::Null), &expected, "{name}");
    };
    let text = || json!({"type": "string"});
    check(("customer_name", text()), json!("Anna Meyer"));
    check(("email", text()), json!("anna@example.test"));
    check(("contactPhone", text()), json!("+49 30 5550199"));
    check(("order_number", text()), json!("A-1002"));
    check(("invoice_number", text()), Value::Null);
    check(("delivery_date", json!({"type": "string", "format": "date"})), json!("2026-01-05"));
    check(("deadline", json!({"type": "string", "format": "date"})), json!("2026-01-20"));
    check(("price", json!({"type": "number"})), json!(89.9));
    check(("currency", text()), json!("EUR"));
    check(("website", json!({"type": "string", "format": "uri"})), Value::Null);
    check(("subject", text()), json!("Order A-1002 arrived broken"));
    check(("has_question", json!({"type": "boolean"})), json!(true));
    check(("language", text()), json!("en"));
    check(("emails", json!({"type": "array", "items": text()})), json!(["anna@example.test"]));
    check(("code", json!({"type": "string", "pattern": "^[A-Z]-\\d{4}$"})), json!("A-1002"));
    check(
        ("dates", json!({"type": "array", "items": {"type": "string", "format": "date"}})),
        json!(["2026-01-05", "2026-01-20"]),
    );
    check(
        ("sender", json!({"type": "object", "properties": {"name": text(), "email": text(), "fax": text()}})),
        json!({"name": "Anna Meyer", "email": "anna@example.test"}),
    );
}

#[test]
fn what_is_not_there_is_left_out_or_null_or_least() {
    let schema = json!({
        "type": "object",
        "required": ["phone", "due_date", "total", "tags"],
        "properties": {
            "phone": {"type": ["string", "null"]},
            "due_date": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "total": {"type": "number", "minimum": 1},
            "tags": {"type": "array", "items": {"type": "string"}},
            "company": {"$ref": "#/$defs/text"},
        },
        "$defs": {"text": {"type": "string"}},
    });
    let found = fill_from("It rains.", schema.clone());
    assert_eq!(
        (&found["phone"], &found["due_date"], &found["total"]),
        (&Value::Null, &Value::Null, &json!(1))
    );
    assert!(found.get("company").is_none());
    fits(&schema, &found).expect("fits");
}

#[test]
fn fields_come_in_the_order_of_the_schema() {
    let schema = json!({"type": "object", "required": ["title", "email"], "properties": {
        "email": {"type": "string"}, "alpha": {"type": "string", "default": "x"}, "title": {"type": "string"}}});
    let reply = Builtin::default().think(&Request::of("", MAIL).with_schema(schema));
    let place = |name: &str| reply.text.find(&format!("\"{name}\"")).expect("there");
    assert!(place("title") < place("email"));
}

#[test]
fn questions_are_answered_by_quoting_or_not_at_all() {
    let ask_mail = |question: &str| ask("", &json!({"text": MAIL, "question": question}).to_string());
    let answer = ask_mail("How much did the lamp cost?");
    assert!(answer.starts_with("> I paid 89,90 € for it.\n— line"), "{answer}");
    assert_eq!(ask_mail("Who is the mayor of Paris?"), "Nothing in the text answers this.");
    assert!(ask("", "What is love?").contains("not a language model"));
    let messages = vec![
        Message { role: Role::User, content: MAIL.to_owned() },
        Message { role: Role::Assistant, content: "Noted.".to_owned() },
        Message { role: Role::User, content: "When was the lamp delivered?".to_owned() },
    ];
    let reply = Builtin::default().think(&Request { messages, ..Request::default() });
    assert!(reply.text.contains("delivered on 5 January 2026"), "{}", reply.text);
}

#[test]
fn instructions_decide_where_no_schema_does() {
    assert_eq!(
        ask("Classify the mail as one of: billing, shipping damage, praise.", MAIL),
        "shipping damage"
    );
    assert_eq!(ask("", &json!({"text": MAIL, "labels": ["weather", "returns"]}).to_string()), "returns");
    let listed = ask("Extract all dates and people.", MAIL);
    assert!(listed.contains("- Anna Meyer") && listed.contains("- 2026-01-05"), "{listed}");
    let digest = ask("", MAIL);
    assert!(digest.starts_with("# Order A-1002 arrived broken"), "{digest}");
    assert_eq!(
        ask("Summarize in one sentence.", MAIL).matches(['.', '?']).count(),
        1,
        "{}",
        ask("one sentence", MAIL)
    );
    assert_eq!(ask("Summarize.", ""), "There is no text to summarize.");
}

#[test]
fn plain_wishes_get_plain_answers() {
    let reply = Builtin::default().think(&Request::of("", MAIL).with_schema(json!({"type": "string"})));
    assert!(reply.json.is_some_and(|it| it.is_string()));
    let reply = Builtin::default().think(&Request::of("", MAIL).with_schema(json!({"type": "object"})));
    assert!(reply.json.is_some_and(|it| it["text"].is_string()));
}

#[test]
fn the_answer_is_cut_where_told() {
    let request = Request { max_output_tokens: Some(5), ..Request::of("", MAIL) };
    let reply = Builtin::default().think(&request);
    assert_eq!((reply.ended, reply.tokens.output, count_tokens(&reply.text)), (Ended::Length, 5, 5));
}

#[tokio::test]
async fn it_streams_in_pieces_and_stops_when_told() {
    let pieces = Mutex::new(Vec::new());
    let stop = CancellationToken::new();
    let keep = |piece: &str| pieces.lock().expect("whole").push(piece.to_owned());
    let reply = Builtin::default().answer(Request::of("", MAIL), &keep, &stop).await.expect("answers");
    let pieces = pieces.into_inner().expect("whole");
    assert_eq!(pieces.concat(), reply.text);
    assert!(pieces.len() > 5);
    stop.cancel();
    let error = Builtin::default().answer(Request::of("", MAIL), &|_| {}, &stop).await.expect_err("stops");
    assert_eq!(error.code, Code::ExecutionCancelled);
}

#[test]
fn a_text_of_any_size_is_read() {
    let line = "The pump of house 12 failed on 3 May 2026 and cost $1,200.50 to repair, said Anna Meyer. ";
    let big = line.repeat(MAX_LINES);
    assert!(ask("", &big).contains("$1,200.50"));
    let endless = "a".repeat(200_000);
    ask("", &endless);
    ask("", &"[".repeat(20_000));
    ask("", &"1.".repeat(20_000));
    ask("", &"| a | b |\n".repeat(3_000));
}
const MAX_LINES: usize = 1_000;

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0_u64..20, 0_u64..40).prop_map(
            |(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more + 1})
        ),
        Just(json!({"type": "string"})),
        Just(json!({"type": ["string", "null"], "format": "date"})),
        Just(json!({"type": "boolean"})),
        (-50_i64..50, 1_i64..90).prop_map(
            |(least, more)| json!({"type": "integer", "minimum": least, "exclusiveMaximum": least + more})
        ),
        (-5.0_f64..5.0).prop_map(|least| json!({"type": "number", "exclusiveMinimum": least})),
        Just(json!({"enum": ["billing", "technical", "other"]})),
        Just(json!({"enum": [1, 2, 3]})),
        Just(json!({"const": {"a": 1}})),
        Just(json!({"anyOf": [{"type": "null"}, {"type": "number"}]})),
    ];
    let name = prop::sample::select(vec![
        "title",
        "summary",
        "key_points",
        "email",
        "phones",
        "due_date",
        "total_amount",
        "people",
        "order_number",
        "is_urgent",
        "category",
        "confidence",
        "answer",
        "reason",
        "anything",
        "lines",
        "quotes",
        "count",
        "dates",
        "amounts",
    ]);
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let fields = prop::collection::btree_map(name.clone(), inner.clone(), 0..5);
        prop_oneof![
            (inner, 0_u64..3, 0_u64..4).prop_map(|(items, least, more)| {
                json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})
            }),
            (fields, any::<bool>()).prop_map(|(properties, all)| {
                let required: Vec<&str> = if all { properties.keys().copied().collect() } else { Vec::new() };
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
            }),
        ]
    })
}

fn hostile() -> impl Strategy<Value = String> {
    let bit = prop_oneof![
        ".{0,40}",
        "[ -~\\n]{0,60}",
        Just(MAIL.to_owned()),
        Just("\u{0}\u{202e}\u{feff}\n\r\n---\n```\n> # | a | b |\n".to_owned()),
        Just("請求書が二重です。返金してください！ अंत। 🦀🦀 مرحبا؟ ".to_owned()),
        Just("\"Mr.\" $1,2.3,4 %% 31.02.2026 1/1/1 2026-13-45 #1 @a@b.c http:// www. +1".to_owned()),
    ];
    prop::collection::vec(bit, 0..5).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_the_answer_is_always_the_same(text in hostile(), instructions in hostile()) {
        let request = Request::of(instructions, text);
        for task in Task::ALL {
            let first = Builtin::new(task).think(&request);
            prop_assert_eq!(&first, &Builtin::new(task).think(&request));
            prop_assert_eq!(first.tokens.output, count_tokens(&first.text));
        }
    }

    #[test]
    fn what_it_fills_fits_the_schema(text in hostile(), schema in schema()) {
        let reply = Builtin::default().think(&Request::of("Triage.", text).with_schema(schema.clone()));
        let value = reply.json.expect("json");
        prop_assert_eq!(serde_json::from_str::<Value>(&reply.text).expect("json"), value.clone());
        if let Err(why) = fits(&schema, &value) {
            prop_assert!(false, "{}", why);
        }
    }
}
