//! The fields of a credential, by its kind, and what was typed into them.

use std::collections::BTreeMap;

use crate::base::{Error, Result, Timestamp};
use crate::connections::types::Kind;
use crate::connections::value::Value;
use crate::infra::Secret;
use crate::web::view::{Field, pairs_of_lines};
use crate::web::{Faults, moment};

/// What a kind is called and what it is for.
pub struct KindWords {
    pub kind: Kind,
    pub label: &'static str,
    pub says: &'static str,
    pub icon: &'static str,
}

pub(super) const KINDS: &[KindWords] = &[
    KindWords {
        kind: Kind::Bearer,
        label: "Bearer token",
        says: "Sent as Authorization: Bearer. What most model and automation platforms ask for.",
        icon: "key",
    },
    KindWords {
        kind: Kind::ApiKey,
        label: "API key",
        says: "Sent in a header that the agent names, such as X-Api-Key.",
        icon: "key",
    },
    KindWords {
        kind: Kind::BasicAuth,
        label: "User name and password",
        says: "Sent as HTTP basic authentication.",
        icon: "person",
    },
    KindWords {
        kind: Kind::Header,
        label: "Any header",
        says: "One header of your choice with a secret value.",
        icon: "code",
    },
    KindWords {
        kind: Kind::Webhook,
        label: "Signing secret",
        says: "Signs what is sent, so that the other side knows it came from here.",
        icon: "webhook",
    },
    KindWords {
        kind: Kind::Custom,
        label: "Fields of your own",
        says: "For agents that ask for fields with certain names.",
        icon: "list",
    },
];

pub fn words(kind: Kind) -> &'static KindWords {
    KINDS.iter().find(|it| it.kind == kind).unwrap_or(&KINDS[0])
}

pub fn kind_of(word: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|it| it.name() == word)
}

/// What was sent, the secrets apart.
#[derive(Default)]
pub(super) struct Typed {
    pub name: String,
    pub expires_at: String,
    pub allowed_hosts: String,
    pub max_concurrency: String,
    pub value: BTreeMap<String, String>,
    pub own: String,
}

impl Typed {
    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, text) in pairs {
            match name.as_str() {
                "name" => typed.name = text,
                "expires_at" => typed.expires_at = text,
                "allowed_hosts" => typed.allowed_hosts = text,
                "max_concurrency" => typed.max_concurrency = text,
                "value" => typed.own = text,
                other => {
                    if let Some(field) = other.strip_prefix("value/") {
                        typed.value.insert(field.to_owned(), text);
                    }
                }
            }
        }
        typed
    }

    pub(super) fn hosts(&self) -> Vec<String> {
        let words = self.allowed_hosts.split(|it: char| it.is_whitespace() || it == ',');
        words.filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// Errors: `ValidationFailed` for what is no number.
    pub(super) fn concurrency(&self) -> Result<Option<u32>> {
        let text = self.max_concurrency.trim();
        let number =
            || text.parse().map_err(|_| Error::invalid_at("max_concurrency", "is a whole number, or empty"));
        if text.is_empty() { Ok(None) } else { number().map(Some) }
    }

    /// Errors: `ValidationFailed` for a time that is none.
    pub(super) fn expiry(&self) -> Result<Option<Timestamp>> {
        match self.expires_at.trim() {
            "" => Ok(None),
            text => moment("expires_at", text).map(Some),
        }
    }

    /// Errors: `ValidationFailed` for own fields that cannot be read.
    pub(super) fn value(self, kind: Kind) -> Result<Value> {
        let fields: Vec<(String, String)> = if kind.fields().is_empty() {
            // The reader's own words may repeat the line, which holds a secret.
            pairs_of_lines(&self.own)
                .map_err(|_| Error::invalid_at("value", "write one field per line, as name: value"))?
        } else {
            self.value.into_iter().collect()
        };
        Ok(Value(fields.into_iter().map(|(name, text)| (name, Secret::from(text))).collect()))
    }
}

/// Name, hosts and expiry.
pub(super) fn labels(typed: &Typed, faults: &Faults) -> Vec<Field> {
    vec![
        Field::text("name", "Name")
            .placeholder("n8n production")
            .help("Shown where an agent chooses it.")
            .value(&typed.name)
            .error(faults.on("name"))
            .required(),
        Field::area("allowed_hosts", "Only for these hosts")
            .placeholder("api.example.com")
            .help(
                "One per line; *.example.com takes all below. Empty: wherever an agent that uses it points.",
            )
            .value(&typed.allowed_hosts)
            .error(faults.on("allowed_hosts"))
            .rows(2_u16),
        Field::number("max_concurrency", "Runs at once")
            .help("Runs and steps of all agents together that may use it at the same time. Empty: no limit.")
            .range(1, 100_000)
            .whole()
            .value(&typed.max_concurrency)
            .error(faults.on("max_concurrency")),
        expiry(&typed.expires_at, faults),
    ]
}

fn expiry(value: &str, faults: &Faults) -> Field {
    Field::datetime("expires_at", "Expires (UTC)")
        .help("From then on it is refused. Empty: it does not expire.")
        .value(value)
        .error(faults.on("expires_at"))
}

/// The value's fields; empty, whatever was typed.
pub(super) fn value_fields(kind: Kind, faults: &Faults) -> Vec<Field> {
    if kind.fields().is_empty() {
        let own =
            Field::pairs("value", "Fields").placeholder("client_id: …").help("One per line, as name: value.");
        return vec![own.error(faults.on("value")).required()];
    }
    let field = |name: &&str| {
        let path = format!("value/{name}");
        let label = match *name {
            "key" => "Key",
            "token" => "Token",
            "username" => "User name",
            "password" => "Password",
            "secret" => "Signing secret",
            "name" => "Header",
            "value" => "Value",
            other => other,
        };
        let error = faults.on(&path);
        if matches!(*name, "username" | "name") {
            return Field::text(&path, label).error(error).autocomplete("off").required();
        }
        Field::secret(&path, label, "").error(error).required()
    };
    kind.fields().iter().map(field).collect()
}

/// As forms write a time.
pub(super) fn typed_time(at: Option<Timestamp>) -> String {
    at.map(|it| it.utc().format("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}
