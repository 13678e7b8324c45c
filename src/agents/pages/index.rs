//! The list of agents.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::AgentFilter;
use super::super::catalog::{self, FromTemplate, Template};
use super::super::number::Spec;
use super::super::ops;
use super::super::status::Status;
use super::super::types::Health;
use super::super::view::AgentView;
use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{Error, PageRequest, Result, Timestamp};
use crate::stops::{self, Stop};
use crate::web::view::href;
use crate::web::{Flash, Form, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents", show)
            .needs(Action::AgentsRead)
            .query::<ListQuery>()
            .says("The agents one may see")
            .answers_plain(200, "The page.", HTML),
        Route::post("/agents/bulk", bulk)
            .needs(Action::AgentsWrite)
            .says("Enables, disables or deletes several agents")
            .answers_plain(303, "Back to the list.", ""),
        Route::post("/agents/from-template", from_template)
            .needs(Action::AgentsWrite)
            .says("Makes an agent of a package that ships with the product, and publishes it")
            .form::<TemplateForm>()
            .answers_plain(303, "To its console.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct ListQuery {
    #[serde(rename = "type")]
    agent_type: Option<String>,
    status: Option<String>,
    health: Option<String>,
    tag: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
}

impl ListQuery {
    /// Forms send fields that are empty.
    fn kept(self) -> Self {
        let some = |it: Option<String>| it.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        Self {
            agent_type: some(self.agent_type),
            status: some(self.status),
            health: some(self.health),
            tag: some(self.tag),
            q: some(self.q),
            cursor: some(self.cursor),
        }
    }

    fn filter(&self) -> Result<AgentFilter> {
        Ok(AgentFilter {
            agent_type: self.agent_type.clone(),
            status: one_of("status", self.status.as_deref())?,
            health: one_of("health", self.health.as_deref())?,
            tag: self.tag.clone(),
            q: self.q.clone(),
            ..AgentFilter::default()
        })
    }

    fn is_empty(&self) -> bool {
        [&self.agent_type, &self.status, &self.health, &self.tag, &self.q].iter().all(|it| it.is_none())
    }

    fn href(&self, cursor: &str) -> String {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let (kind, status, health) = (text(&self.agent_type), text(&self.status), text(&self.health));
        let (tag, q) = (text(&self.tag), text(&self.q));
        let pairs = [
            ("type", kind.as_str()),
            ("status", &status),
            ("health", &health),
            ("tag", &tag),
            ("q", &q),
            ("cursor", cursor),
        ];
        href("/agents", pairs)
    }
}

fn one_of<T: DeserializeOwned>(name: &str, text: Option<&str>) -> Result<Option<T>> {
    let parse = |it: &str| serde_json::from_value(Value::String(it.to_owned()));
    text.map(parse).transpose().map_err(|_| Error::invalid_at(name, "this is none of the choices"))
}

#[derive(askama::Template)]
#[template(path = "agents/index.html")]
struct Index {
    frame: Frame,
    agents: Vec<AgentView>,
    templates: Vec<Template>,
    query: ListQuery,
    type_choices: Vec<(&'static str, &'static str)>,
    status_choices: Vec<(&'static str, &'static str)>,
    next_href: String,
    first_href: String,
    may_write: bool,
    org_stop: Option<Stop>,
    may_lift: bool,
    now: Timestamp,
}

const HEALTHS: &[(&str, &str)] =
    &[("healthy", "Healthy"), ("degraded", "Degraded"), ("unhealthy", "Unhealthy"), ("unknown", "Unknown")];

impl Index {
    fn type_label<'a>(&self, kind: &'a str) -> &'a str {
        super::type_label(kind)
    }

    fn clear_href(&self) -> &'static str {
        if self.query.is_empty() { "" } else { "/agents" }
    }

    fn value<'a>(&self, it: &'a Option<String>) -> &'a str {
        it.as_deref().unwrap_or_default()
    }

    fn health(&self, agent: &AgentView) -> &'static str {
        health_name(agent.health)
    }
}

pub(super) const fn health_name(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Unhealthy => "unhealthy",
        Health::Unknown => "unknown",
    }
}

/// `GET /agents`
async fn show(cx: Cx, framing: Framing, query: Query<ListQuery>) -> Reply<Html> {
    let query = query.0.kept();
    let page = ops::list(&cx, &query.filter()?, &PageRequest::parse(None, query.cursor.as_deref())?)?;
    let empty = page.items.is_empty() && query.is_empty() && query.cursor.is_none();
    render(Index {
        frame: framing.frame("Agents")?,
        agents: page.items,
        type_choices: catalog::types().iter().map(|it| (it.agent_type, it.label)).collect(),
        status_choices: Status::ALL.iter().map(|it| (it.name(), it.name())).collect(),
        templates: if empty { packages()? } else { Vec::new() },
        next_href: page.next_cursor.map(|it| query.href(&it)).unwrap_or_default(),
        first_href: if query.cursor.is_some() { query.href("") } else { String::new() },
        may_write: cx.may(Action::AgentsWrite),
        org_stop: stops::of_org(&cx.read()?)?,
        may_lift: cx.may(Action::OrgWrite),
        now: cx.now(),
        query,
    })
}

/// Templates that work as they are.
pub(super) fn packages() -> Result<Vec<Template>> {
    Ok(catalog::templates()?.into_iter().filter(|it| it.complete).collect())
}

#[derive(askama::Template)]
#[template(path = "agents/bulk_delete.html")]
struct BulkDelete {
    frame: Frame,
    agents: Vec<AgentView>,
}

impl BulkDelete {
    fn type_label<'a>(&self, kind: &'a str) -> &'a str {
        super::type_label(kind)
    }
}

/// `POST /agents/bulk`
async fn bulk(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let ids: Vec<&str> = form.0.iter().filter(|it| it.0 == "agent").map(|it| it.1.as_str()).collect();
    let asked = |name: &str| form.0.iter().find(|it| it.0 == name).map_or("", |it| it.1.as_str());
    let verb = asked("act");
    if ids.is_empty() {
        return Ok(SeeOther::to("/agents").saying(Flash::bad("Choose agents first.")).into());
    }
    if verb == "delete" && asked("confirmed") != "true" {
        let agents = ids.iter().map(|it| ops::view(&cx, it)).collect::<Result<Vec<_>>>()?;
        return Ok(Sent::Page(render(BulkDelete { frame: framing.frame("Delete agents")?, agents })?));
    }
    let (mut done, mut trouble) = (0, Vec::new());
    for id in ids {
        let result = match verb {
            "enable" => ops::enable(&cx, id).await.map(drop),
            "disable" => ops::disable(&cx, id).await.map(drop),
            "delete" => ops::delete(&cx, id, None).await,
            _ => return Err(Error::invalid_at("act", "this is enable, disable or delete")),
        };
        match result {
            Ok(()) => done += 1,
            Err(error) => trouble.push(error.message().to_owned()),
        }
    }
    let flash = match trouble.first() {
        None => Flash::ok(format!("{done} agents: {verb}d.")),
        Some(first) => Flash::bad(format!("{done} agents: {verb}d. {} not: {first}.", trouble.len())),
    };
    Ok(SeeOther::to("/agents").saying(flash).into())
}

#[derive(Deserialize, JsonSchema)]
struct TemplateForm {
    template: String,
}

/// `POST /agents/from-template`
async fn from_template(cx: Cx, form: Form<TemplateForm>) -> Reply<SeeOther> {
    let wanted = FromTemplate {
        template: form.0.template,
        name: None,
        slug: None,
        description: None,
        config: None,
        visibility: None,
    };
    let agent = match catalog::from_template(&cx, wanted).await {
        Ok(agent) => agent,
        Err(error) if error.is(crate::base::Code::DuplicateAgentName) => {
            return Ok(SeeOther::to("/agents").saying(Flash::bad("This agent is there already.")));
        }
        Err(error) => return Err(error),
    };
    ops::publish(&cx, &agent.slug, Spec::Draft, None).await?;
    let said = Flash::ok(format!("{} is ready. Give it something to do.", agent.name));
    Ok(SeeOther::to(format!("/agents/{}/console", agent.slug)).saying(said))
}
