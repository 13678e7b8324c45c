//! Making and changing schedules.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::form::{Fields, Preview, Typed};
use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{Code, Doing, Error, PageRequest, Result, ScheduleId};
use crate::schedules::ops;
use crate::schedules::view::{ScheduleFilter, ScheduleView};
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, again, part, render,
    sample_of_schema,
};
use crate::workflows;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/schedules/new", new)
            .needs(Action::SchedulesWrite)
            .query::<Chosen>()
            .says("Asks what is to run, and when")
            .answers_plain(200, "The page.", HTML),
        Route::post("/schedules", create)
            .needs(Action::SchedulesWrite)
            .says("Makes a schedule; with act=preview, shows what its line would do")
            .form::<ScheduleForm>()
            .answers_plain(303, "To the schedule.", ""),
        Route::post("/schedules/preview", preview)
            .needs(Action::SchedulesRead)
            .says("The part of the form that says what its line would do")
            .form::<ScheduleForm>()
            .answers_plain(200, "That part of the page.", HTML),
        Route::get("/schedules/{schedule}/edit", edit)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("The form of a schedule")
            .answers_plain(200, "The page.", HTML),
        Route::post("/schedules/{schedule}", update)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Changes a schedule; with act=preview, shows what its line would do")
            .form::<ScheduleForm>()
            .answers_plain(303, "To the schedule.", ""),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewScheduleQuery")]
struct Chosen {
    /// Id or slug of the agent that is to run.
    #[serde(default)]
    agent: String,
    /// As `agent`, of a chain.
    #[serde(default)]
    chain: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, so that what was typed comes back; this describes the form")]
struct ScheduleForm {
    name: String,
    description: Option<String>,
    /// Id of an agent or a chain.
    target: String,
    /// JSON.
    input: String,
    cron: String,
    time_zone: String,
    active: Option<bool>,
    missed_runs: String,
    catch_up_limit: String,
    overlap: String,
    /// Seconds.
    jitter: String,
    /// `preview`: keep nothing.
    act: Option<String>,
}

#[derive(Template)]
#[template(path = "schedules/form.html")]
struct Page {
    frame: Frame,
    title: String,
    /// Of the schedule; none for a new one.
    place: Option<String>,
    name: String,
    fields: Fields,
    preview: Preview,
}

impl Page {
    fn of(
        cx: &Cx,
        framing: &Framing,
        schedule: Option<&ScheduleView>,
        typed: &Typed,
        faults: &Faults,
    ) -> Result<Self> {
        let title = schedule.map_or_else(|| "New schedule".to_owned(), |it| format!("Change {}", it.name));
        Ok(Self {
            frame: framing.frame(title.as_str())?,
            place: schedule.map(|it| format!("/schedules/{}", it.id)),
            name: schedule.map(|it| it.name.clone()).unwrap_or_default(),
            fields: Fields::of(cx, typed, faults)?,
            preview: Preview::of(cx, typed),
            title,
        })
    }

    fn action(&self) -> &str {
        self.place.as_deref().unwrap_or("/schedules")
    }

    fn submit(&self) -> &'static str {
        if self.place.is_some() { "Save" } else { "Create the schedule" }
    }
}

/// `GET /schedules/new`
async fn new(cx: Cx, framing: Framing, query: Query<Chosen>) -> Reply<Html> {
    // People who schedule much do so in one place: theirs is most likely that of the newest.
    let newest = ops::list(&cx, &ScheduleFilter::default(), &PageRequest::first(1))?.items.pop();
    let mut typed = Typed::empty();
    if let Some(newest) = newest {
        typed.time_zone = newest.time_zone;
    }
    let chosen = match (query.0.agent.as_str(), query.0.chain.as_str()) {
        ("", "") => None,
        ("", chain) => {
            let chain = workflows::find(&cx, chain)?;
            Some((chain.id.to_string(), chain.input_schema.to_value()))
        }
        (agent, _) => {
            let agent = agents::view(&cx, agent)?;
            Some((agent.id.to_string(), agent.input_schema.to_value()))
        }
    };
    if let Some((target, schema)) = chosen {
        typed.input =
            serde_json::to_string_pretty(&sample_of_schema(&schema, &schema)).doing("write a sample")?;
        typed.target = target;
    }
    render(Page::of(&cx, &framing, None, &typed, &Faults::none())?)
}

/// `POST /schedules`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    if typed.act == "preview" {
        return Ok(Sent::Page(render(Page::of(&cx, &framing, None, &typed, &Faults::none())?)?));
    }
    let made = match typed.schedule() {
        Ok(new) => ops::create(&cx, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => Ok(back(&made, "is made")),
        Err(error) => again(Page::of(&cx, &framing, None, &typed, &faults_of(error)?)?),
    }
}

/// `POST /schedules/preview`
async fn preview(cx: Cx, form: FormPairs) -> Reply<Html> {
    render(Preview::of(&cx, &Typed::read(form.0)))
}

/// `GET /schedules/{schedule}/edit`
async fn edit(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let it = ops::find(&cx, part(&request, "schedule")?)?;
    render(Page::of(&cx, &framing, Some(&it), &Typed::of(&it), &Faults::none())?)
}

/// `POST /schedules/{schedule}`
async fn update(cx: Cx, request: HttpRequest, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let id: ScheduleId = part(&request, "schedule")?;
    let it = ops::find(&cx, id)?;
    let typed = Typed::read(form.0);
    if typed.act == "preview" {
        return Ok(Sent::Page(render(Page::of(&cx, &framing, Some(&it), &typed, &Faults::none())?)?));
    }
    let saved = match typed.schedule() {
        Ok(new) => ops::update(&cx, id, new, None).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(saved) => Ok(back(&saved, "is saved")),
        Err(error) => again(Page::of(&cx, &framing, Some(&it), &typed, &faults_of(error)?)?),
    }
}

fn back(it: &ScheduleView, done: &str) -> Sent {
    let said = format!("{} {done}. {}.", it.name, it.cron_words);
    SeeOther::to(format!("/schedules/{}", it.id)).saying(Flash::ok(said)).into()
}

/// What the state of an agent or a chain does not allow is said where it is chosen.
fn faults_of(error: Error) -> Result<Faults> {
    if matches!(error.code(), Code::VersionConflict | Code::Stopped | Code::AgentNotFound | Code::NotFound) {
        return Ok(Faults::none().at("target", error.message()));
    }
    Ok(Faults::of(error)?.renamed("jitter_ms", "jitter"))
}
