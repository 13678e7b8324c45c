//! Making an agent in five steps: type, configure, credentials, test, review. What was typed travels with the
//! form from step to step, so that nothing is kept on the way and nothing is lost.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::catalog::{self, AgentType, Template};
use super::super::input::NewAgent;
use super::super::number::Spec;
use super::super::ops::{self, Validation};
use super::HTML;
use super::form::{AgentForm, CHOSEN, Parts, SHOWN, as_input, as_value};
use super::index::packages;
use crate::access::{Action, Cx};
use crate::base::{MAX_LIMIT, PageRequest, Result};
use crate::connections::{self, CredentialFilter, Kind, KindWords, NewInline, kind_of, words};
use crate::web::view::href;
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, Typed, render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/new", begin)
            .needs(Action::AgentsWrite)
            .query::<Begin>()
            .says("The first steps towards an agent: its type, its configuration")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/new", step)
            .needs(Action::AgentsWrite)
            .says("The next step towards an agent; the last one makes it")
            .answers_plain(303, "To the agent.", ""),
    ]
}

const STEPS: [&str; 5] = ["Type", "Configure", "Credentials", "Test", "Review"];

#[derive(Deserialize, JsonSchema)]
struct Begin {
    #[serde(rename = "type")]
    agent_type: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "agents/new_type.html")]
struct TypePage {
    frame: Frame,
    types: Vec<AgentType>,
    templates: Vec<Template>,
}

impl TypePage {
    fn href(&self, kind: &AgentType) -> String {
        href("/agents/new", [("type", kind.agent_type)])
    }
}

/// `GET /agents/new`
async fn begin(framing: Framing, query: Query<Begin>) -> Reply<Html> {
    match query.0.agent_type.filter(|it| !it.is_empty()) {
        None => render(TypePage {
            frame: framing.frame("New agent")?,
            types: catalog::types(),
            templates: packages()?,
        }),
        Some(kind) => {
            let template = as_value(&catalog::template(&kind)?.agent)?;
            let mut typed = AgentForm::of(&kind)?.typed(&template);
            // The type's own name would be everybody's, and nobody's agent is at example.com.
            typed.retain(|it| it.0 != "name" && !it.1.contains("//example.com/"));
            Wizard::new(&framing, &kind, typed)?.configure(Faults::none())
        }
    }
}

/// A credential that the agent could use.
pub(super) struct Offer {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub hint: String,
    pub expired: bool,
    pub chosen: bool,
}

/// The credentials of fitting kinds, newest first.
pub(super) fn offers(cx: &Cx, kinds: &[&str], typed: &[(String, String)]) -> Result<Vec<Offer>> {
    if kinds.is_empty() || !cx.may(Action::CredentialsRead) {
        return Ok(Vec::new());
    }
    let page = PageRequest::first(MAX_LIMIT);
    let all = connections::list(cx, &CredentialFilter::default(), &page)?.items;
    let fitting = all.into_iter().filter(|it| kinds.contains(&it.kind.name()));
    let offer = fitting.map(|it| {
        let id = it.id.to_string();
        Offer {
            chosen: typed.iter().any(|pair| pair.0 == CHOSEN && pair.1 == id),
            id,
            name: it.name,
            kind: it.kind.name(),
            hint: it.hint,
            expired: it.expired,
        }
    });
    Ok(offer.collect())
}

/// What was sent, on its way through the steps.
struct Wizard {
    frame: Frame,
    kind: AgentType,
    form: AgentForm,
    typed: Typed,
}

#[derive(askama::Template)]
#[template(path = "agents/new_configure.html")]
struct ConfigurePage {
    frame: Frame,
    kind: AgentType,
    hidden: Typed,
    parts: Parts,
    faults: Vec<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "agents/new_credentials.html")]
struct CredentialsPage {
    frame: Frame,
    kind: AgentType,
    hidden: Typed,
    offers: Vec<Offer>,
    /// Kinds of which a new one can be made here.
    kinds: Vec<&'static KindWords>,
    making: Option<NewInline>,
}

#[derive(askama::Template)]
#[template(path = "agents/new_test.html")]
struct TestPage {
    frame: Frame,
    hidden: Typed,
    validation: Validation,
}

#[derive(askama::Template)]
#[template(path = "agents/new_review.html")]
struct ReviewPage {
    frame: Frame,
    kind: AgentType,
    hidden: Typed,
    agent: NewAgent,
    /// Names of those that were chosen.
    credentials: Vec<String>,
    config: crate::web::view::JsonView,
}

impl Wizard {
    fn new(framing: &Framing, kind: &str, typed: Typed) -> Result<Self> {
        Ok(Self {
            frame: framing.frame("New agent")?,
            kind: catalog::type_of(kind)?,
            form: AgentForm::of(kind)?,
            typed,
        })
    }

    /// Errors: the fields that must be mended first.
    fn agent(&self) -> Result<NewAgent, Faults> {
        let blank = json!({"agent_type": self.kind.agent_type});
        as_input(self.form.laid_over(&blank, &self.typed)?)
    }

    /// What the next form carries along: everything, or everything that has no field there.
    fn carried(&self, shown: Option<&Parts>) -> Typed {
        let names: Vec<&str> = shown.map_or_else(Vec::new, |parts| {
            let groups = parts.about.iter().chain(&parts.config).chain(&parts.rest);
            groups.flat_map(|it| &it.fields).map(|it| it.name.as_str()).collect()
        });
        let passing = ["csrf_token", "go", "at"];
        let kept = |it: &&(String, String)| {
            !passing.contains(&it.0.as_str())
                && !names.contains(&it.0.as_str())
                && !NewInline::is_secret(&it.0)
                && it.0 != "agent_type"
        };
        let mut carried: Typed = self.typed.iter().filter(kept).cloned().collect();
        carried.push(("agent_type".to_owned(), self.kind.agent_type.to_owned()));
        carried
    }

    fn configure(self, faults: Faults) -> Reply<Html> {
        let parts = self.form.parts(&self.typed, &faults);
        let (hidden, faults) = (self.carried(Some(&parts)), parts.summary(&faults));
        render(ConfigurePage { frame: self.frame, kind: self.kind, hidden, parts, faults })
    }

    fn mend(self, faults: Faults) -> Reply<Sent> {
        Ok(Sent::Again(self.configure(faults)?))
    }

    fn credentials(self, cx: &Cx, making: Option<Kind>, faults: &Faults) -> Result<Html> {
        let offers = offers(cx, self.kind.credential_kinds, &self.typed)?;
        let mut hidden = self.carried(None);
        hidden.retain(|it| it.0 != CHOSEN && it.0 != SHOWN && !NewInline::owns(&it.0));
        let may_make = cx.may(Action::CredentialsWrite) && cx.services().vault.sealed_because().is_none();
        let fitting = self.kind.credential_kinds.iter().filter(|_| may_make);
        let kinds: Vec<_> = fitting.filter_map(|it| kind_of(it)).map(words).collect();
        let making = making.filter(|kind| kinds.iter().any(|it| it.kind == *kind));
        let making = making.map(|kind| NewInline::of(kind, &self.typed, faults));
        render(CredentialsPage { frame: self.frame, kind: self.kind, hidden, offers, kinds, making })
    }

    /// Keeps the credential that was typed beside the others and chooses it.
    ///
    /// Errors: the page with what is wrong.
    async fn keep(mut self, cx: &Cx) -> Result<Result<Self, Html>> {
        let Some(kind) = NewInline::kind_in(&self.typed) else { return Ok(Ok(self)) };
        match NewInline::keep(cx, kind, &self.typed).await? {
            Ok(made) => {
                self.typed.retain(|it| !NewInline::owns(&it.0));
                self.typed.push((CHOSEN.to_owned(), made.id.to_string()));
                Ok(Ok(self))
            }
            Err(faults) => Ok(Err(self.credentials(cx, Some(kind), &faults)?)),
        }
    }

    async fn test(self, cx: &Cx, agent: NewAgent) -> Reply<Sent> {
        let validation = ops::validate(cx, agent).await?;
        if !validation.valid {
            let faults = validation.validation_errors.iter();
            let faults = faults.fold(Faults::none(), |faults, it| faults.at(&it.path, it.message.as_str()));
            return self.mend(faults);
        }
        let hidden = self.carried(None);
        Ok(Sent::Page(render(TestPage { frame: self.frame, hidden, validation })?))
    }

    fn review(self, cx: &Cx, agent: NewAgent) -> Reply<Sent> {
        let hidden = self.carried(None);
        let offers = offers(cx, self.kind.credential_kinds, &self.typed)?;
        let credentials = offers.into_iter().filter(|it| it.chosen).map(|it| it.name).collect();
        let config = crate::web::view::JsonView::new("Configuration", &agent.config.to_value());
        Ok(Sent::Page(render(ReviewPage {
            frame: self.frame,
            kind: self.kind,
            hidden,
            agent,
            credentials,
            config,
        })?))
    }

    async fn make(self, cx: &Cx, agent: NewAgent, publish: bool) -> Reply<Sent> {
        let made = match ops::create(cx, agent).await {
            Ok(made) => made,
            Err(error) => return self.mend(Faults::of(error)?),
        };
        let place = format!("/agents/{}", made.slug);
        if !publish {
            return Ok(SeeOther::to(place).saying(Flash::ok("The draft is saved.")).into());
        }
        let next = match ops::publish(cx, &made.slug, Spec::Draft, None).await {
            Ok(_) => SeeOther::to(format!("{place}/console"))
                .saying(Flash::ok(format!("{} is published. Give it something to do.", made.name))),
            Err(error) => SeeOther::to(place)
                .saying(Flash::bad(format!("The draft is saved, but not published: {}.", error.message()))),
        };
        Ok(next.into())
    }
}

/// `POST /agents/new`
async fn step(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed: Typed = form.0.into_iter().filter(|it| it.0 != "csrf_token").collect();
    let sent = |name: &str| typed.iter().find(|it| it.0 == name).map(|it| it.1.clone()).unwrap_or_default();
    let (kind, go) = (sent("agent_type"), sent("go"));
    let wizard = Wizard::new(&framing, &kind, typed)?;
    if go == "configure" {
        return Ok(Sent::Page(wizard.configure(Faults::none())?));
    }
    let agent = match wizard.agent() {
        Ok(agent) => agent,
        Err(faults) => return wizard.mend(faults),
    };
    match go.as_str() {
        "test" => {
            // Who has typed a credential and goes on means it to be used.
            let wizard = match NewInline::is_filled(&wizard.typed) {
                false => wizard,
                true => match wizard.keep(&cx).await? {
                    Ok(wizard) => wizard,
                    Err(page) => return Ok(Sent::Again(page)),
                },
            };
            let agent = match wizard.agent() {
                Ok(agent) => agent,
                Err(faults) => return wizard.mend(faults),
            };
            wizard.test(&cx, agent).await
        }
        "review" => wizard.review(&cx, agent),
        "create" => wizard.make(&cx, agent, false).await,
        "publish" => wizard.make(&cx, agent, true).await,
        "keep" => match wizard.keep(&cx).await? {
            Ok(wizard) => Ok(Sent::Page(wizard.credentials(&cx, None, &Faults::none())?)),
            Err(page) => Ok(Sent::Again(page)),
        },
        other => {
            let asked = other.strip_prefix("new:").and_then(kind_of);
            let making = match other {
                "existing" => None,
                _ => asked.or_else(|| NewInline::kind_in(&wizard.typed)),
            };
            Ok(Sent::Page(wizard.credentials(&cx, making, &Faults::none())?))
        }
    }
}
