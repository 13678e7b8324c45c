//! The form of a trigger, and what was typed into it.

use std::collections::BTreeMap;

use crate::access::Cx;
use crate::base::{Code, Error, Json, Result};
use crate::infra::Secret;
use crate::targets::{self, Named, Target};
use crate::triggers::scheme::{Encoding, Preset};
use crate::triggers::types::{AnswerMode, Kind, NewTrigger, Signature, TriggerUpdate};
use crate::triggers::view::TriggerView;
use crate::web::Faults;
use crate::web::view::{Choice, Field};

/// Where calls come from: what the first step asks.
pub(super) struct Sender {
    /// In the address.
    pub word: &'static str,
    pub preset: Option<Preset>,
    pub label: &'static str,
    pub says: &'static str,
    pub icon: &'static str,
    /// What the field of the secret says.
    pub secret_help: &'static str,
}

pub(super) const FROM: &[Sender] = &[
    Sender {
        word: "github",
        preset: Some(Preset::Github),
        label: "GitHub",
        says: "Issues, pushes, pull requests: a webhook of a repository or an organization.",
        icon: "git-branch",
        secret_help: "The secret that you enter there too. Empty: one is made and shown once.",
    },
    Sender {
        word: "stripe",
        preset: Some(Preset::Stripe),
        label: "Stripe",
        says: "Payments, invoices, subscriptions: an event destination.",
        icon: "billing",
        secret_help: "The whsec_… that Stripe shows once it knows the address; put it in place then.",
    },
    Sender {
        word: "slack",
        preset: Some(Preset::Slack),
        label: "Slack",
        says: "Messages, slash commands, events of a Slack app.",
        icon: "message",
        secret_help: "The signing secret on the app's page of basic information.",
    },
    Sender {
        word: "standard_webhooks",
        preset: Some(Preset::StandardWebhooks),
        label: "Standard Webhooks",
        says: "What many services send, and other installations of Reeve too.",
        icon: "webhook",
        secret_help: "The whsec_… of the sender. Empty: one is made and shown once.",
    },
    Sender {
        word: "hmac",
        preset: Some(Preset::Hmac),
        label: "Another service that signs",
        says: "HMAC-SHA256 of the body, in a header that you name.",
        icon: "key",
        secret_help: "What the sender signs with. Empty: one is made and shown once.",
    },
    Sender {
        word: "event",
        preset: None,
        label: "An event of your own",
        says: "Programs of this organization publish it by name; several agents and chains may hear it.",
        icon: "signal",
        secret_help: "",
    },
    Sender {
        word: "none",
        preset: Some(Preset::None),
        label: "A sender that cannot sign",
        says: "Whoever knows the address can start runs. Choose this only where nothing else works.",
        icon: "triangle",
        secret_help: "",
    },
];

pub(super) fn from_word(word: &str) -> Option<&'static Sender> {
    FROM.iter().find(|it| it.word == word)
}

pub(super) fn from_of(it: &TriggerView) -> &'static Sender {
    let word = it.signature.as_ref().map_or("event", |it| it.scheme.name());
    from_word(word).unwrap_or(&FROM[0])
}

/// What was sent, by field.
#[derive(Default)]
pub(super) struct Typed(BTreeMap<String, String>);

impl Typed {
    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub(super) fn of(it: &TriggerView) -> Self {
        let mut typed = Self::default();
        let mut put = |name: &str, value: String| typed.0.insert(name.to_owned(), value);
        put("name", it.name.clone());
        put("target", it.target().map(Target::id).unwrap_or_default());
        put("event", it.event.clone().unwrap_or_default());
        put("filter", it.filter.clone().unwrap_or_default());
        put("mapping", it.mapping.as_ref().map(shown_mapping).unwrap_or_default());
        put("answer", if it.answer == AnswerMode::Wait { "wait" } else { "now" }.to_owned());
        put("wait_ms", it.wait_ms.to_string());
        put("tolerance_ms", it.tolerance_ms.map(|it| it.to_string()).unwrap_or_default());
        put("dedupe_ms", it.dedupe_ms.to_string());
        if let Some(signature) = &it.signature {
            put("header", signature.header.clone().unwrap_or_default());
            put("prefix", signature.prefix.clone().unwrap_or_default());
            let based = signature.encoding == Some(Encoding::Base64);
            put("encoding", if based { "base64" } else { "hex" }.to_owned());
            put("insecure_no_signature", signature.insecure_no_signature.unwrap_or(false).to_string());
        }
        typed
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn given(&self, name: &str) -> Option<String> {
        Some(self.get(name).trim().to_owned()).filter(|it| !it.is_empty())
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        let number = |text: String| text.parse().map_err(|_| Error::invalid_at(name, "is a whole number"));
        self.given(name).map(number).transpose()
    }

    fn signature(&self, preset: Preset) -> Signature {
        let own = preset == Preset::Hmac;
        let encoding = if self.get("encoding") == "base64" { Encoding::Base64 } else { Encoding::Hex };
        let waived = self.get("insecure_no_signature") == "true";
        Signature {
            scheme: preset,
            header: self.given("header").filter(|_| own),
            algorithm: None,
            encoding: own.then_some(encoding),
            prefix: self.given("prefix").filter(|_| own),
            insecure_no_signature: (preset == Preset::None && waived).then_some(true),
        }
    }

    /// An expression as a text, or JSON.
    fn mapping(&self) -> Result<Option<Json>> {
        let Some(text) = self.given("mapping") else { return Ok(None) };
        if !text.starts_with(['{', '[']) || text.starts_with("{{") {
            return Ok(Some(Json::of(&text.into())));
        }
        Json::parse(&text).map(Some).map_err(|it| Error::invalid_at("mapping", it.message()))
    }

    fn target(&self) -> Result<(Option<String>, Option<String>)> {
        match self.get("target") {
            "" => Err(Error::invalid_at("target", "choose what is run")),
            id => Ok(Named::chosen(id).fields()),
        }
    }

    fn answer(&self) -> AnswerMode {
        if self.get("answer") == "wait" { AnswerMode::Wait } else { AnswerMode::Now }
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn new_trigger(&self, from: &Sender) -> Result<NewTrigger> {
        let (agent_id, workflow_id) = self.target()?;
        Ok(NewTrigger {
            name: self.get("name").to_owned(),
            agent_id,
            workflow_id,
            kind: if from.preset.is_some() { Kind::Hook } else { Kind::Event },
            event: self.given("event").filter(|_| from.preset.is_none()),
            signature: from.preset.map(|it| self.signature(it)),
            secret: self.given("secret").map(Secret::from),
            enabled: true,
            tolerance_ms: self.number("tolerance_ms")?,
            filter: self.given("filter"),
            mapping: self.mapping()?,
            answer: self.answer(),
            wait_ms: self.number("wait_ms")?,
            dedupe_ms: self.number("dedupe_ms")?,
        })
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn update(&self, from: &Sender, enabled: bool) -> Result<TriggerUpdate> {
        let (agent_id, workflow_id) = self.target()?;
        Ok(TriggerUpdate {
            name: self.get("name").to_owned(),
            agent_id,
            workflow_id,
            event: self.given("event").filter(|_| from.preset.is_none()),
            signature: from.preset.map(|it| self.signature(it)),
            enabled,
            tolerance_ms: self.number("tolerance_ms")?,
            filter: self.given("filter"),
            mapping: self.mapping()?,
            answer: self.answer(),
            wait_ms: self.number("wait_ms")?,
            dedupe_ms: self.number("dedupe_ms")?,
        })
    }
}

/// As a person would write it.
pub(super) fn shown_mapping(mapping: &Json) -> String {
    match mapping.to_value() {
        serde_json::Value::String(expression) => expression,
        other => serde_json::to_string_pretty(&other).unwrap_or_default(),
    }
}

/// The fields, as a template takes them.
#[derive(Default)]
pub(super) struct TriggerFields {
    pub first: Vec<Field>,
    pub rules: Vec<Field>,
    /// Folded away.
    pub more: Vec<Field>,
    pub faults: Vec<(String, String)>,
}

impl TriggerFields {
    /// `is_new`: the secret is asked for too.
    pub(super) fn of(cx: &Cx, from: &Sender, typed: &Typed, faults: &Faults, is_new: bool) -> Result<Self> {
        let mut first = vec![
            Field::text("name", "Name")
                .placeholder("New issues")
                .help("So that you know it again.")
                .value(typed.get("name"))
                .error(faults.on("name"))
                .required(),
            target(cx, typed, faults)?,
        ];
        match from.preset {
            None => first.push(
                Field::text("event", "Event")
                    .placeholder("order.paid")
                    .help("Or order.* for all that begin so.")
                    .value(typed.get("event"))
                    .error(faults.on("event"))
                    .mono()
                    .required(),
            ),
            Some(preset) => first.extend(signing(preset, typed, faults)),
        }
        if is_new && from.preset.is_some_and(|it| it != Preset::None) {
            let secret = Field::secret("secret", "Signing secret", "");
            first.push(secret.help(from.secret_help).error(faults.on("secret")));
        }
        let rules = rules(from, typed, faults);
        let more = more(from, typed, faults);
        let names: Vec<String> = first.iter().chain(&rules).chain(&more).map(|it| it.name.clone()).collect();
        let faults = faults.summary(names.iter().map(String::as_str));
        Ok(Self { first, rules, more, faults })
    }
}

fn target(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Field> {
    let chosen = typed.get("target");
    let choices = targets::choices(cx, chosen)?.into_iter().map(|it| Choice::new(it.id, it.label));
    Ok(Field::select("target", "Runs this agent or chain", choices.collect())
        .value(chosen)
        .error(faults.on("target"))
        .required())
}

/// What has to be said of the signature.
fn signing(preset: Preset, typed: &Typed, faults: &Faults) -> Vec<Field> {
    match preset {
        Preset::Hmac => vec![
            Field::text("header", "Header with the signature")
                .placeholder("X-Signature")
                .value(typed.get("header"))
                .error(faults.on("signature/header"))
                .mono()
                .required(),
            Field::select(
                "encoding",
                "Written in",
                vec![Choice::new("hex", "Hexadecimal"), Choice::new("base64", "Base64")],
            )
            .value(typed.get("encoding"))
            .error(faults.on("signature/encoding")),
            Field::text("prefix", "Behind this prefix")
                .placeholder("sha256=")
                .help("Empty: nothing stands before it.")
                .value(typed.get("prefix"))
                .error(faults.on("signature/prefix"))
                .mono(),
        ],
        Preset::None => vec![
            Field::checkbox(
                "insecure_no_signature",
                "Take calls without a signature",
                typed.get("insecure_no_signature") == "true",
            )
            .help("Whoever gets to know the address can start runs, as often as they like. The audit log says that you chose this.")
            .error(faults.on("signature/insecure_no_signature"))
            .required(),
        ],
        _ => Vec::new(),
    }
}

fn rules(from: &Sender, typed: &Typed, faults: &Faults) -> Vec<Field> {
    let (filter, mapping, sees) = match from.preset {
        Some(Preset::Github) => ("body.action == \"opened\"", "body.issue.title", "body, headers and query"),
        Some(Preset::Stripe) => {
            ("body.type == \"invoice.paid\"", "body.data.object", "body, headers and query")
        }
        Some(Preset::Slack) => {
            ("body.event.type == \"app_mention\"", "body.event.text", "body, headers and query")
        }
        Some(_) => ("body.kind == \"order\"", "{\"text\": \"{{ body.text }}\"}", "body, headers and query"),
        None => ("event.data.total > 100", "event.data", "event (name, id, data)"),
    };
    vec![
        Field::text("filter", "Only when")
            .placeholder(filter)
            .help(format!("An expression over {sees}. Empty: always."))
            .value(typed.get("filter"))
            .error(faults.on("filter"))
            .mono(),
        Field::code("mapping", "The run's input")
            .placeholder(mapping)
            .help("An expression, or JSON whose texts hold {{ … }}. Empty: what was sent, as it is.")
            .value(typed.get("mapping"))
            .error(faults.on("mapping"))
            .rows(4_u16),
    ]
}

fn more(from: &Sender, typed: &Typed, faults: &Faults) -> Vec<Field> {
    let mut fields = Vec::new();
    if from.preset.is_some() {
        let choices = vec![
            Choice::new("now", "As soon as the run is accepted"),
            Choice::new("wait", "With the run's output, when it has ended"),
        ];
        fields.push(
            Field::select("answer", "Answer the sender", choices)
                .value(typed.get("answer"))
                .error(faults.on("answer")),
        );
        fields.push(
            number("wait_ms", "Wait for the output", typed, faults, 60_000).placeholder("10000").unit("ms"),
        );
    }
    if matches!(from.preset, Some(Preset::StandardWebhooks | Preset::Stripe | Preset::Slack)) {
        let field = number("tolerance_ms", "Take what was signed within", typed, faults, 3_600_000);
        fields.push(field.placeholder("300000").unit("ms"));
    }
    let field = number("dedupe_ms", "Know a repetition for", typed, faults, 86_400_000);
    fields.push(
        field
            .placeholder("86400000")
            .unit("ms")
            .help("Within this, the same message is led to the first run. 0: each starts one."),
    );
    fields
}

fn number(name: &str, label: &str, typed: &Typed, faults: &Faults, most: u64) -> Field {
    Field::number(name, label).range(0, most).whole().value(typed.get(name)).error(faults.on(name))
}

/// A conflict is about the name, which is taken.
pub(super) fn at_name(error: Error) -> Result<Faults> {
    if error.is(Code::Conflict) {
        return Ok(Faults::none().at("name", error.message()));
    }
    if matches!(error.code(), Code::AgentNotFound | Code::NotFound) {
        return Ok(Faults::none().at("target", "choose from the list"));
    }
    Faults::of(error)
}
