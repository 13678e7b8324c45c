//! The audit log to look through, and to check.

use std::collections::HashMap;

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{AuditEntry, AuditFilter, Verdict};
use crate::access::{self, Action, Cx};
use crate::base::{Error, PageRequest, Result, Timestamp};
use crate::web::view::{JsonView, href};
use crate::web::{Frame, Framing, Html, Query, Reply, Route, part, render};

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/audit", index)
            .needs(Action::AuditRead)
            .query::<Filters>()
            .says("Who did what, newest first")
            .answers_plain(200, "The page.", HTML),
        Route::post("/audit/verify", verify)
            .needs(Action::AuditRead)
            .says("Reads the whole log and says whether it was tampered with")
            .answers_plain(200, "The page with the verdict.", HTML),
        Route::get("/audit/{entry}", show)
            .needs(Action::AuditRead)
            .of("audit entry")
            .says("One entry")
            .answers_plain(200, "The page.", HTML),
    ]
}

/// As the address has them; what is empty does not narrow.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct Filters {
    /// `usr_…`, `key_…`, `system:…` or `anonymous`.
    #[serde(default)]
    actor: String,
    #[serde(default)]
    action: String,
    /// Kind of the thing.
    #[serde(default)]
    object: String,
    /// Id of the thing.
    #[serde(default)]
    q: String,
    /// UTC.
    #[serde(default)]
    from: String,
    /// UTC.
    #[serde(default)]
    to: String,
    #[serde(default)]
    cursor: String,
}

/// Kinds of things that entries are about.
const OBJECTS: &[(&str, &str)] = &[
    ("agent", "Agent"),
    ("execution", "Execution"),
    ("batch", "Batch"),
    ("chain", "Chain"),
    ("schedule", "Schedule"),
    ("trigger", "Trigger"),
    ("webhook", "Webhook"),
    ("credential", "Credential"),
    ("member", "Member"),
    ("invitation", "Invitation"),
    ("key", "API key"),
    ("session", "Session"),
    ("conversation", "Conversation"),
    ("budget", "Budget"),
    ("user", "Person"),
    ("org", "Organization"),
    ("route", "Refused request"),
];

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("q", &self.q),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// Errors: `ValidationFailed` for a time that is none.
    fn read(&self) -> Result<AuditFilter> {
        let given = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
        Ok(AuditFilter {
            actor: given(&self.actor),
            action: given(&self.action),
            object: given(&self.object),
            object_id: given(&self.q),
            from: given(&self.from).map(|it| crate::web::moment("from", &it)).transpose()?,
            to: given(&self.to).map(|it| crate::web::moment("to", &it)).transpose()?,
        })
    }

    fn narrows(&self) -> bool {
        self.pairs().iter().any(|it| !it.1.trim().is_empty())
    }
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct Index {
    frame: Frame,
    filters: Filters,
    clear_href: &'static str,
    objects: &'static [(&'static str, &'static str)],
    rows: Vec<Row>,
    first_href: String,
    next_href: String,
    verdict: Option<Verdict>,
    now: Timestamp,
}

struct Row {
    href: String,
    entry: AuditEntry,
    actor: String,
    actor_href: String,
    action_href: String,
}

#[derive(Template)]
#[template(path = "audit/show.html")]
struct Show {
    frame: Frame,
    entry: AuditEntry,
    actor: String,
    details: JsonView,
    earlier: String,
    later: String,
    now: Timestamp,
}

/// `GET /audit`
async fn index(cx: Cx, framing: Framing, query: Query<Filters>) -> Reply<Html> {
    render(page_of(&cx, &framing, query.0, None)?)
}

/// `POST /audit/verify`
async fn verify(cx: Cx, framing: Framing) -> Reply<Html> {
    cx.require(Action::AuditRead)?;
    let rows = cx.read()?;
    let verdict = actix_web::web::block(move || super::verify(&rows)).await;
    let verdict = verdict.map_err(|it| Error::internal("check the audit log", it))??;
    render(page_of(&cx, &framing, Filters::default(), Some(verdict))?)
}

fn page_of(cx: &Cx, framing: &Framing, filters: Filters, verdict: Option<Verdict>) -> Result<Index> {
    cx.require(Action::AuditRead)?;
    let page = PageRequest::parse(None, Some(&filters.cursor))?;
    let found = super::list(&cx.read()?, &filters.read()?, &page)?;
    let mut names: HashMap<String, String> = HashMap::new();
    let mut rows = Vec::new();
    for entry in found.items {
        let text = entry.actor.to_string();
        let actor = match names.get(&text) {
            Some(name) => name.clone(),
            None => access::called(cx, &text)?,
        };
        names.insert(text.clone(), actor.clone());
        rows.push(Row {
            href: format!("/audit/{}", entry.sequence),
            actor_href: href("/audit", [("actor", text.as_str())]),
            action_href: href("/audit", [("action", entry.action.as_str())]),
            actor,
            entry,
        });
    }
    Ok(Index {
        frame: framing.frame("Audit")?,
        rows,
        clear_href: if filters.narrows() { "/audit" } else { "" },
        objects: OBJECTS,
        first_href: if filters.cursor.is_empty() { String::new() } else { href("/audit", filters.pairs()) },
        next_href: match found.next_cursor {
            Some(next) => href("/audit", filters.pairs().into_iter().chain([("cursor", next.as_str())])),
            None => String::new(),
        },
        filters,
        verdict,
        now: cx.now(),
    })
}

/// The number of an entry in the log.
struct Sequence(u64);

impl std::str::FromStr for Sequence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self).map_err(|_| Error::invalid("an audit entry is named by its number"))
    }
}

/// `GET /audit/{entry}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    cx.require(Action::AuditRead)?;
    let Sequence(number) = part(&request, "entry")?;
    let rows = cx.read()?;
    let entry = super::find(&rows, number)?.ok_or_else(|| Error::not_found("audit entry", number))?;
    let place = |it: u64| format!("/audit/{it}");
    let later = super::find(&rows, number + 1)?.is_some();
    render(Show {
        frame: framing.frame(format!("Entry {number}"))?,
        actor: access::called(&cx, &entry.actor.to_string())?,
        details: JsonView::new("Details", &entry.details.to_value()),
        earlier: if number > 1 { place(number - 1) } else { String::new() },
        later: if later { place(number + 1) } else { String::new() },
        now: cx.now(),
        entry,
    })
}
