//! The versions of an agent: what ran when, what is being worked on, what changed.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::number::Spec;
use super::super::ops;
use super::super::status::{Verb, after};
use super::super::types::VersionStatus;
use super::super::view::{VersionSummary, VersionView};
use super::act::{refused, told};
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Doing, PageRequest, Result, Timestamp};
use crate::web::view::{Diff, href};
use crate::web::{Flash, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, render, text_part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/versions", show)
            .needs(Action::AgentsRead)
            .of("agent")
            .query::<VersionsQuery>()
            .says("The versions of an agent, and what changed between two of them")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/{agent}/versions/{version}/publish", publish)
            .needs(Action::AgentsPublish)
            .of("version")
            .form::<PublishForm>()
            .says("Publishes a draft")
            .answers_plain(303, "Back to the versions.", ""),
        Route::post("/agents/{agent}/versions/{version}/rollback", rollback)
            .needs(Action::AgentsPublish)
            .of("version")
            .says("Lets an earlier version run again")
            .answers_plain(303, "Back to the versions.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct VersionsQuery {
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "agents/versions.html")]
struct Versions {
    frame: Frame,
    head: Head,
    versions: Vec<VersionSummary>,
    choices: Vec<(String, String)>,
    from: String,
    to: String,
    diff: Option<Diff>,
    next_href: String,
    may_publish: bool,
    may_deprecate: bool,
    may_archive: bool,
    now: Timestamp,
}

impl Versions {
    fn is_draft(&self, it: &VersionSummary) -> bool {
        it.status == VersionStatus::Draft
    }

    fn has_draft(&self) -> bool {
        self.versions.iter().any(|it| self.is_draft(it))
    }
}

/// `GET /agents/{agent}/versions`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<VersionsQuery>) -> Reply<Html> {
    let given = agent_of(&request)?;
    let head = Head::of(&cx, given, "/versions")?;
    let page = ops::versions(&cx, given, &PageRequest::parse(None, query.0.cursor.as_deref())?)?;
    let chosen = |it: Option<String>| it.filter(|it| !it.is_empty());
    let (from, to) = (chosen(query.0.from), chosen(query.0.to));
    let diff = match (&from, &to) {
        (Some(from), Some(to)) => Some(difference(&cx, given, from, to)?),
        _ => None,
    };
    let may =
        |verb| after(head.agent.status, verb).is_some() && cx.may(Action::AgentsPublish) && head.rights.write;
    let named = |it: &VersionSummary| {
        let state = if it.status == VersionStatus::Draft {
            " (draft)"
        } else if it.current {
            " (runs)"
        } else {
            ""
        };
        (it.version.to_string(), format!("{}{state}", it.version))
    };
    let number = |place: usize| page.items.get(place).map(|it| it.version.to_string()).unwrap_or_default();
    render(Versions {
        frame: framing.frame(head.title("Versions"))?,
        choices: page.items.iter().map(named).collect(),
        from: from.unwrap_or_else(|| number(1)),
        to: to.unwrap_or_else(|| number(0)),
        diff,
        next_href: page
            .next_cursor
            .map(|it| href(&format!("{}/versions", head.place), [("cursor", it.as_str())]))
            .unwrap_or_default(),
        versions: page.items,
        may_publish: may(Verb::Publish),
        may_deprecate: may(Verb::Deprecate),
        may_archive: may(Verb::Archive) && after(head.agent.status, Verb::Edit).is_some(),
        now: cx.now(),
        head,
    })
}

fn difference(cx: &Cx, agent: &str, from: &str, to: &str) -> Result<Diff> {
    let one = ops::version(cx, agent, from.parse()?)?;
    let other = ops::version(cx, agent, to.parse()?)?;
    Ok(Diff::new(one.version, other.version, &as_text(&one)?, &as_text(&other)?))
}

/// What decides its runs.
fn as_text(version: &VersionView) -> Result<String> {
    let mut value = serde_json::to_value(version).doing("write a version")?;
    if let Some(fields) = value.as_object_mut() {
        let decides = [
            "agent_type",
            "config",
            "credential_ids",
            "persona",
            "skillset",
            "input_schema",
            "output_schema",
            "execution",
        ];
        fields.retain(|name, _| decides.contains(&name.as_str()));
    }
    serde_json::to_string_pretty(&value).map(|it| it + "\n").doing("write a version")
}

#[derive(Default, Deserialize, JsonSchema)]
struct PublishForm {
    changelog: Option<String>,
}

/// `POST /agents/{agent}/versions/{version}/publish`
async fn publish(cx: Cx, request: HttpRequest, form: Form<PublishForm>) -> Reply<SeeOther> {
    let (agent, version) = (agent_of(&request)?, text_part(&request, "version")?);
    let changelog = form.0.changelog.filter(|it| !it.trim().is_empty());
    let result = ops::publish(&cx, agent, version.parse::<Spec>()?, changelog).await;
    told(&format!("/agents/{agent}/versions"), result, "published: programs run this version from now on")
}

/// `POST /agents/{agent}/versions/{version}/rollback`
async fn rollback(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let (agent, version) = (agent_of(&request)?, text_part(&request, "version")?);
    let place = format!("/agents/{agent}/versions");
    match ops::rollback(&cx, agent, version.parse::<Spec>()?).await {
        Ok(_) => Ok(SeeOther::to(place).saying(Flash::ok(format!("Version {version} runs again.")))),
        Err(error) => refused(&place, error),
    }
}
