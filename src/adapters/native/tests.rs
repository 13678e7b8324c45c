//! The native adapter as the program calls it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::adapters::{self, Callback, Callbacks};
use crate::base::{Env, Error, OrgId};
use crate::infra::egress::{Caller, Egress, EgressConfig, NoLedger, SystemResolver};

struct NoCallbacks;

#[async_trait]
impl Callbacks for NoCallbacks {
    fn open(&self) -> Result<Callback, Error> {
        Err(Error::unavailable("no callbacks here"))
    }
}

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Sink for Kept {
    fn emit(&self, event: Event) {
        self.0.lock().expect("whole").push(event);
    }
}

fn call(config: Value, input: &Value, schema: Option<Value>) -> Call {
    Call {
        config: Arc::new(config),
        input: Json::of(input),
        instructions: "Triage the ticket.".to_owned(),
        output_schema: schema.map(Arc::new),
        idempotency_key: "key".to_owned(),
        session_id: None,
        history: Vec::new(),
        attempt: 1,
        timeout: Duration::from_secs(30),
        traceparent: None,
        credentials: Vec::new(),
        egress: Egress::new(EgressConfig::default(), Arc::new(SystemResolver), Arc::new(NoLedger)),
        caller: Caller { org: Env::system().id::<OrgId>(), agent: None, purpose: "test" },
        callbacks: Arc::new(NoCallbacks),
        seat: Arc::default(),
        stop: CancellationToken::new(),
    }
}

fn native() -> &'static dyn Adapter {
    adapters::find("native").expect("registered")
}

const TICKET: &str = "I was charged twice for invoice 4711. Please refund one payment.";

#[tokio::test]
async fn it_fills_the_schema_streams_and_reports_usage() {
    let schema = json!({
        "type": "object",
        "required": ["category"],
        "properties": {"category": {"enum": ["technical", "billing"]}, "invoice_number": {"type": "string"}},
    });
    let sink = Kept::default();
    let call = call(json!({"model": "builtin"}), &json!({"body": TICKET}), Some(schema));
    let outcome = native().run(&call, &sink).await.expect("runs");
    assert_eq!(outcome.output.to_value(), json!({"category": "billing", "invoice_number": "4711"}));
    let events = sink.0.into_inner().expect("whole");
    let text: String = events
        .iter()
        .filter_map(|it| if let Event::Text(text) = it { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(text, outcome.output.as_str());
    assert!(events.iter().any(|it| matches!(it, Event::Log { level: LogLevel::Info, .. })));
    let used: Vec<&Usage> =
        events.iter().filter_map(|it| if let Event::Usage(used) = it { Some(used) } else { None }).collect();
    assert!(
        used.len() == 1 && used[0].api_calls == 1 && used[0].input_tokens > 10 && used[0].output_tokens > 5
    );
}

#[tokio::test]
async fn without_a_schema_the_output_is_text() {
    let input = json!({"text": TICKET, "question": "Which invoice was charged twice?"});
    let call = call(json!({"model": "builtin", "task": "auto"}), &input, None);
    let outcome = native().run(&call, &Kept::default()).await.expect("runs");
    let text = outcome.output.to_value()["text"].as_str().expect("text").to_owned();
    assert!(text.starts_with("> I was charged twice for invoice 4711.") && text.contains("line 1"), "{text}");
    let call = self::call(json!({"model": "builtin", "task": "summarize"}), &json!(TICKET), None);
    assert!(native().run(&call, &Kept::default()).await.is_ok());
}

#[tokio::test]
async fn it_stops_when_told_and_says_what_is_too_long() {
    let stopped = call(json!({"model": "builtin"}), &json!(TICKET), None);
    stopped.stop.cancel();
    let error = native().run(&stopped, &Kept::default()).await.expect_err("stops");
    assert_eq!((error.code, error.retriable), (Code::ExecutionCancelled, false));
    let schema =
        json!({"type": "object", "required": ["summary"], "properties": {"summary": {"type": "string"}}});
    let long = call(json!({"model": "builtin", "max_output_tokens": 3}), &json!(TICKET), Some(schema));
    let error = native().run(&long, &Kept::default()).await.expect_err("too long");
    assert_eq!(error.code, Code::InvalidOutput);
    let other = call(json!({"model": "elsewhere"}), &json!(TICKET), None);
    assert_eq!(
        native().run(&other, &Kept::default()).await.expect_err("unknown").code,
        Code::InvalidAgentConfig
    );
}

#[test]
fn configs_are_checked() {
    let check = |config: Value, path: Option<&str>| {
        let found = native().check(&config);
        assert_eq!(found.first().map(|it| it.path.as_str()), path, "{config}");
        let schema = jsonschema::validator_for(&native().config_schema()).expect("a schema");
        assert_eq!(schema.is_valid(&config), path.is_none(), "{config}");
    };
    check(native().template(), None);
    check(json!({"model": "builtin", "max_output_tokens": 10}), None);
    check(json!({"model": "gpt"}), Some("/model"));
    check(json!({"model": "builtin", "task": "sing"}), Some(""));
    check(json!({"model": "builtin", "max_output_tokens": 0}), Some("/max_output_tokens"));
}

#[tokio::test]
async fn the_probe_looks_at_config_schema_and_model() {
    let probe = native()
        .probe(&call(json!({"model": "builtin"}), &Value::Null, Some(json!({"type": "object"}))))
        .await;
    assert!(probe.ok && probe.checks.len() == 3, "{probe:?}");
    let probe = native()
        .probe(&call(json!({"model": "builtin"}), &Value::Null, Some(json!({"type": "thing"}))))
        .await;
    assert!(!probe.ok && probe.checks[1].remedy.is_some(), "{probe:?}");
    let probe = native().probe(&call(json!({"model": "gpt"}), &Value::Null, None)).await;
    assert!(!probe.ok && probe.detail.contains("no model gpt"), "{probe:?}");
}
