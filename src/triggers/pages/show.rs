//! One trigger: how it is called, what called it, what can be changed.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{Sender, TriggerFields, Typed, from_of, shown_mapping};
use super::{HTML, curl};
use crate::access::{self, Action, Cx};
use crate::base::{PageRequest, Result, Timestamp, TriggerId};
use crate::targets::{self, Shown};
use crate::triggers::ops;
use crate::triggers::scheme::Preset;
use crate::triggers::view::{HitView, Trial, TriggerView};
use crate::web::view::{Field, JsonView, href};
use crate::web::{Faults, Frame, Framing, Html, Query, Reply, Route, part, render};

/// Hits on the page.
const SHOWN: usize = 20;
const SAMPLE: &str = "{\"text\": \"hello\"}";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/triggers/{trigger}", show)
            .needs(Action::TriggersRead)
            .of("trigger")
            .query::<Listed>()
            .says("One trigger and what called it")
            .answers_plain(200, "The page.", HTML),
    ]
}

/// Of its hits.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "HitsListed")]
struct Listed {
    #[serde(default)]
    cursor: String,
}

/// What is shown this once.
#[derive(Default)]
pub(super) struct Once {
    pub title: &'static str,
    pub url: Option<String>,
    pub secret: Option<String>,
}

/// What a call came to that was tried out.
struct Tried {
    tone: &'static str,
    title: &'static str,
    problems: Vec<String>,
    input: Option<JsonView>,
}

#[derive(Template)]
#[template(path = "triggers/show.html")]
pub(super) struct Show {
    frame: Frame,
    pub it: TriggerView,
    pub from: &'static Sender,
    once: Once,
    is_unsigned: bool,
    runs: Option<Shown>,
    by: String,
    mapping: String,
    hits: Vec<HitView>,
    first_href: String,
    next_href: String,
    curl: String,
    pub fields: TriggerFields,
    pub sample: Field,
    pub secret: Field,
    tried: Option<Tried>,
    pub other_faults: Vec<(String, String)>,
    may_write: bool,
    now: Timestamp,
}

impl Show {
    pub(super) fn show_once(&mut self, cx: &Cx, once: Once) {
        if let Some(url) = &once.url {
            self.curl = curl::sample(&self.it, &cx.services().config.public_url(), url, SAMPLE);
        }
        self.once = once;
    }

    pub(super) fn show_trial(&mut self, trial: Trial, typed: &str) {
        let problems: Vec<String> = trial
            .problems
            .iter()
            .map(|it| format!("{}: {}", it.path.trim_start_matches('/'), it.message))
            .collect();
        let (tone, title) = match (trial.wanted, problems.is_empty()) {
            (_, false) => ("bad", "A call like this would be refused"),
            (false, true) => ("info", "A call like this starts nothing: the filter does not hold"),
            (true, true) => ("ok", "A call like this starts a run"),
        };
        let input = trial.input.map(|it| JsonView::new("Input", &it.to_value()));
        self.tried = Some(Tried { tone, title, problems, input });
        self.sample = sample(typed, &Faults::none());
    }
}

pub(super) fn sample(typed: &str, faults: &Faults) -> Field {
    Field::code("sample", "What is sent")
        .value(typed)
        .error(faults.on("sample"))
        .help("JSON. Nothing is run: you see what the run would get.")
        .rows(5_u16)
        .required()
}

pub(super) fn secret(from: &Sender, faults: &Faults) -> Field {
    Field::secret("secret", "New signing secret", "").help(from.secret_help).error(faults.on("secret"))
}

pub(super) fn page_of(cx: &Cx, framing: &Framing, id: TriggerId) -> Result<Show> {
    listing(cx, framing, id, &Listed::default())
}

fn listing(cx: &Cx, framing: &Framing, id: TriggerId, listed: &Listed) -> Result<Show> {
    let it = ops::find(cx, id)?;
    let request = PageRequest { limit: Some(SHOWN), ..PageRequest::parse(None, Some(&listed.cursor))? };
    let found = ops::hits(cx, id, &request)?;
    let (place, from, none) = (format!("/triggers/{id}"), from_of(&it), Faults::none());
    let runs = it.target().map(|target| targets::shown(cx, &cx.read()?, target)).transpose()?;
    let public_url = cx.services().config.public_url();
    let url = format!("{public_url}/hooks/{}", it.address_hint.as_deref().unwrap_or_default());
    Ok(Show {
        frame: framing.frame(it.name.as_str())?,
        from,
        once: Once::default(),
        is_unsigned: from.preset == Some(Preset::None),
        runs,
        by: access::called(cx, &it.created_by)?,
        mapping: it.mapping.as_ref().map(shown_mapping).unwrap_or_default(),
        hits: found.items,
        first_href: if listed.cursor.is_empty() { String::new() } else { place.clone() },
        next_href: match &found.next_cursor {
            Some(next) => href(&place, [("cursor", next.as_str())]),
            None => String::new(),
        },
        curl: curl::sample(&it, &public_url, &url, SAMPLE),
        fields: TriggerFields::of(cx, from, &Typed::of(&it), &none, false)?,
        sample: sample(SAMPLE, &none),
        secret: secret(from, &none),
        tried: None,
        other_faults: Vec::new(),
        may_write: cx.may(Action::TriggersWrite),
        now: cx.now(),
        it,
    })
}

/// `GET /triggers/{trigger}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    render(listing(&cx, &framing, part(&request, "trigger")?, &query.0)?)
}
