//! A call of an adapter, as the program would make it, against far ends of the test's own.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reeve::adapters::{
    self, Adapter, Call, CallError, Callback, Callbacks, Credential, Event, Outcome, Probe, Sink, Usage,
};
use reeve::base::{Error, Json};
use reeve::infra::Secret;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::net::Net;
use super::peer::Peer;

/// Keeps what an adapter says.
#[derive(Default)]
pub struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().push(event);
    }
}

impl Heard {
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().clone()
    }

    pub fn texts(&self) -> Vec<String> {
        let text = |it| if let Event::Text(text) = it { Some(text) } else { None };
        self.events().into_iter().filter_map(text).collect()
    }

    pub fn usage(&self) -> Usage {
        self.events().into_iter().fold(Usage::default(), |sum, it| match it {
            Event::Usage(it) => {
                let mut sum = sum;
                sum.add(it);
                sum
            }
            _ => sum,
        })
    }
}

/// Hands out one address and keeps the other end.
#[derive(Default)]
pub struct Desk(Mutex<Option<oneshot::Sender<Json>>>);

impl Desk {
    pub fn answer(&self, answer: &Value) {
        let sender = self.0.lock().take().expect("an address was handed out");
        sender.send(Json::of(answer)).expect("someone waits");
    }
}

impl Callbacks for Desk {
    fn open(&self) -> Result<Callback, Error> {
        let (sender, answer) = oneshot::channel();
        *self.0.lock() = Some(sender);
        Ok(Callback { url: "https://reeve.example/hooks/callbacks/one-time".to_owned(), answer })
    }
}

/// An adapter and everything that a call of it needs.
pub struct Bench {
    pub adapter: &'static dyn Adapter,
    pub call: Call,
    pub heard: Heard,
    pub desk: Arc<Desk>,
    pub net: Net,
}

impl Bench {
    /// `kind` on `config`, which may call `peer`.
    pub fn new(kind: &str, peer: &Peer, config: Value) -> Self {
        Self::on(kind, Net::allowing(&[peer.address.to_string()]), config)
    }

    pub fn on(kind: &str, net: Net, config: Value) -> Self {
        let desk = Arc::new(Desk::default());
        let call = Call {
            config: Arc::new(config),
            input: Json::of(&serde_json::json!({"text": "hello"})),
            instructions: String::new(),
            output_schema: None,
            idempotency_key: "key-1".to_owned(),
            session_id: Some("ses_1".to_owned()),
            history: Vec::new(),
            attempt: 1,
            timeout: Duration::from_secs(30),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            credentials: Vec::new(),
            egress: net.egress.clone(),
            caller: net.caller,
            callbacks: desk.clone(),
            seat: Arc::default(),
            stop: CancellationToken::new(),
        };
        let adapter = adapters::find(kind).expect("there is such a kind");
        Self { adapter, call, heard: Heard::default(), desk, net }
    }

    pub fn input(mut self, input: Value) -> Self {
        self.call.input = Json::of(&input);
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call.timeout = timeout;
        self
    }

    pub fn credential(mut self, kind: &str, fields: &[(&str, &str)]) -> Self {
        let value = fields.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let id = "crd_1".to_owned();
        self.call.credentials.push(Credential {
            id,
            kind: kind.to_owned(),
            value,
            allowed_hosts: Vec::new(),
        });
        self
    }

    /// The config fits its own schema and check, and the call is made.
    pub async fn run(&self) -> Result<Outcome, CallError> {
        self.fits();
        self.adapter.run(&self.call, &self.heard).await
    }

    pub async fn output(&self) -> Value {
        match self.run().await {
            Ok(outcome) => outcome.output.to_value(),
            Err(error) => panic!("{}: {}", error.code.name(), error.message),
        }
    }

    pub async fn error(&self) -> CallError {
        match self.run().await {
            Ok(outcome) => panic!("it succeeded: {}", outcome.output.as_str()),
            Err(error) => error,
        }
    }

    pub async fn probe(&self) -> Probe {
        self.adapter.probe(&self.call).await
    }

    /// The paths that the check objects to.
    pub fn objections(&self) -> Vec<String> {
        self.adapter.check(&self.call.config).into_iter().map(|it| it.path).collect()
    }

    fn fits(&self) {
        let schema = jsonschema::validator_for(&self.adapter.config_schema()).expect("the schema is one");
        let wrong: Vec<String> = schema.iter_errors(&self.call.config).map(|it| it.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(self.objections(), Vec::<String>::new());
    }
}
