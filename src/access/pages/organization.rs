//! Settings of the organization.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{self, Action, Cx, OrgPatch, Organization};
use crate::agents::{self, AgentFilter};
use crate::base::{PageRequest, Result, Timestamp, zone};
use crate::web::view::{Choice, Field};
use crate::web::{Faults, Flash, Form, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/organization", show)
            .needs(Action::OrgRead)
            .says("Settings of the organization")
            .answers_plain(200, "The page.", HTML),
        Route::post("/organization", update)
            .needs(Action::OrgWrite)
            .says("Changes the organization's name and time zone")
            .form::<OrgForm>()
            .answers_plain(303, "Back to the settings.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct OrgForm {
    name: String,
    time_zone: Option<String>,
}

#[derive(Template)]
#[template(path = "access/organization.html")]
struct OrganizationPage {
    frame: Frame,
    organization: Organization,
    /// Label, used, at most.
    quotas: Vec<(&'static str, usize, usize)>,
    name: Field,
    time_zone: Field,
    faults: Vec<(String, String)>,
    may_write: bool,
    now: Timestamp,
}

fn page_of(cx: &Cx, framing: &Framing, typed: Option<&OrgForm>, faults: &Faults) -> Result<OrganizationPage> {
    let organization = access::organization(cx)?;
    let may_write = cx.may(Action::OrgWrite);
    let name = Field::text("name", "Name")
        .value(typed.map_or(&organization.name, |it| &it.name))
        .error(faults.on("name"))
        .autocomplete("organization")
        .required();
    let typed_zone = typed.and_then(|it| it.time_zone.as_ref());
    let time_zone = Field::text("time_zone", "Time zone")
        .help("Days and months of budgets begin at midnight there.")
        .value(typed_zone.unwrap_or(&organization.time_zone))
        .error(faults.on("time_zone"))
        .suggestions(zone::names().map(|it| Choice::new(it, "")).collect())
        .required();
    let (running, queued) = cx.services().engine.load_of(cx.org());
    let most = &organization.quotas;
    let quotas = vec![
        ("Members", count_members(cx, most.members)?, most.members),
        ("Agents that you see", count_agents(cx, most.agents)?, most.agents),
        ("Running at once", running, most.running),
        ("Waiting", queued, most.queued),
    ];
    Ok(OrganizationPage {
        frame: framing.frame("Organization")?,
        quotas,
        name: if may_write { name } else { name.disabled() },
        time_zone: if may_write { time_zone } else { time_zone.disabled() },
        faults: faults.summary(["name", "time_zone"]),
        may_write,
        organization,
        now: cx.now(),
    })
}

fn count_members(cx: &Cx, most: usize) -> Result<usize> {
    walk(most, |page| access::members(cx, page).map(|it| (it.items.len(), it.next_cursor)))
}

fn count_agents(cx: &Cx, most: usize) -> Result<usize> {
    let filter = AgentFilter::default();
    walk(most, |page| agents::list(cx, &filter, page).map(|it| (it.items.len(), it.next_cursor)))
}

/// Counts a list up to `most`.
fn walk(most: usize, list: impl Fn(&PageRequest) -> Result<(usize, Option<String>)>) -> Result<usize> {
    let limit = crate::base::MAX_LIMIT;
    let (mut counted, mut page) = (0, PageRequest::first(limit));
    loop {
        let (found, next) = list(&page)?;
        counted += found;
        let Some(next) = next.filter(|_| counted < most) else { return Ok(counted) };
        page = PageRequest::parse(Some(limit as u64), Some(&next))?;
    }
}

/// `GET /organization`
async fn show(cx: Cx, framing: Framing) -> Reply<Html> {
    render(page_of(&cx, &framing, None, &Faults::none())?)
}

/// `POST /organization`
async fn update(cx: Cx, framing: Framing, form: Form<OrgForm>) -> Reply<Sent> {
    let typed = form.0;
    let patch = OrgPatch { name: Some(typed.name.clone()), time_zone: typed.time_zone.clone() };
    match access::update_organization(&cx, patch).await {
        Ok(_) => Ok(SeeOther::to("/organization").saying(Flash::ok("The settings are saved.")).into()),
        Err(error) => again(page_of(&cx, &framing, Some(&typed), &Faults::of(error)?)?),
    }
}
