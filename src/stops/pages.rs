//! The page from which everything is stopped.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ops;
use super::types::{NewStop, Queued, Stop};
use crate::access::{Action, Cx};
use crate::base::{Result, Timestamp};
use crate::web::{Faults, Flash, Form, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render};

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/organization/stop", ask)
            .needs(Action::OrgWrite)
            .says("Asks whether everything is to be stopped")
            .answers_plain(200, "The page.", HTML),
        Route::post("/organization/stop", stop)
            .needs(Action::OrgWrite)
            .says("Stops every agent of the organization")
            .form::<StopForm>()
            .answers_plain(303, "To the overview.", ""),
        Route::post("/organization/resume", resume)
            .needs(Action::OrgWrite)
            .says("Lifts the organization's stop")
            .answers_plain(303, "To the overview.", ""),
    ]
}

/// As agents' own page of the same kind sends it.
#[derive(Debug, Deserialize, JsonSchema)]
struct StopForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    queued: Queued,
}

#[derive(Template)]
#[template(path = "stops/org.html")]
struct StopPage {
    frame: Frame,
    reason: String,
    error: String,
    cancel: bool,
    faults: Vec<(String, String)>,
    running: usize,
    queued: usize,
    holds: Option<Stop>,
    now: Timestamp,
}

impl StopPage {
    fn new(cx: &Cx, framing: &Framing, typed: &StopForm, faults: &Faults) -> Result<Self> {
        let (running, queued) = cx.services().engine.load_of(cx.org());
        Ok(Self {
            frame: framing.frame("Stop everything")?,
            reason: typed.reason.clone(),
            error: faults.on("reason"),
            cancel: typed.queued == Queued::Cancel,
            faults: faults.summary(["reason"]),
            running,
            queued,
            holds: super::api::stops(cx)?.stopped,
            now: cx.now(),
        })
    }
}

/// `GET /organization/stop`
async fn ask(cx: Cx, framing: Framing) -> Reply<Html> {
    let blank = StopForm { reason: String::new(), queued: Queued::Keep };
    render(StopPage::new(&cx, &framing, &blank, &Faults::none())?)
}

/// `POST /organization/stop`
async fn stop(cx: Cx, framing: Framing, form: Form<StopForm>) -> Reply<Sent> {
    let typed = form.0;
    let new = NewStop { reason: typed.reason.clone(), queued: typed.queued };
    match ops::stop_org(&cx, new).await {
        Ok(report) => {
            let said = format!("Everything is stopped. Runs that were cancelled: {}.", report.cancelled);
            Ok(SeeOther::to("/").saying(Flash::ok(said)).into())
        }
        Err(error) => again(StopPage::new(&cx, &framing, &typed, &Faults::of(error)?)?),
    }
}

/// `POST /organization/resume`
async fn resume(cx: Cx) -> Reply<SeeOther> {
    ops::resume_org(&cx).await?;
    Ok(SeeOther::to("/").saying(Flash::ok("The stop is lifted. What waited begins now.")))
}
