//! Acts of one click on a schedule, and its deletion.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::show::{HistoryQuery, Show};
use crate::access::{Action, Cx};
use crate::base::{Code, Result, ScheduleId};
use crate::schedules::ops;
use crate::web::view::sentence;
use crate::web::{
    Faults, Flash, Form, FormPairs, Framing, Reply, Route, SeeOther, Sent, again, confirmed, own_path, part,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/schedules/{schedule}/run", run)
            .needs(Action::SchedulesRun)
            .of("schedule")
            .says("Runs a schedule now")
            .answers_plain(303, "To the run.", ""),
        Route::post("/schedules/{schedule}/enable", enable)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Switches a schedule on")
            .answers_plain(303, "Back to where it was clicked.", ""),
        Route::post("/schedules/{schedule}/disable", disable)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Switches a schedule off")
            .answers_plain(303, "Back to where it was clicked.", ""),
        Route::post("/schedules/{schedule}/delete", delete)
            .needs(Action::SchedulesWrite)
            .of("schedule")
            .says("Deletes a schedule whose name was typed")
            .form::<DeleteForm>()
            .answers_plain(303, "To the list.", ""),
    ]
}

/// `POST /schedules/{schedule}/run`
async fn run(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: ScheduleId = part(&request, "schedule")?;
    match ops::run(&cx, id, None).await {
        Ok(run) => {
            let said = Flash::ok("It runs now. Its next tick stays as it was.");
            Ok(SeeOther::to(format!("/executions/{}", run.id)).saying(said))
        }
        Err(error) if matches!(error.code(), Code::VersionConflict | Code::Stopped | Code::InvalidInput) => {
            let said = Flash::bad(format!("{}.", sentence(error.message())));
            Ok(SeeOther::to(format!("/schedules/{id}")).saying(said))
        }
        Err(error) => Err(error),
    }
}

/// `POST /schedules/{schedule}/enable`
async fn enable(cx: Cx, request: HttpRequest, form: FormPairs) -> Reply<SeeOther> {
    let id: ScheduleId = part(&request, "schedule")?;
    switched(id, &form, ops::enable(&cx, id).await.map(|it| format!("{} runs again.", it.name)))
}

/// `POST /schedules/{schedule}/disable`
async fn disable(cx: Cx, request: HttpRequest, form: FormPairs) -> Reply<SeeOther> {
    let id: ScheduleId = part(&request, "schedule")?;
    let done = ops::disable(&cx, id).await;
    switched(id, &form, done.map(|it| format!("{} is switched off. What is under way goes on.", it.name)))
}

/// Back to the page whose switch it was.
fn switched(id: ScheduleId, form: &FormPairs, done: Result<String>) -> Reply<SeeOther> {
    let next = form.0.iter().find(|it| it.0 == "next").map(|it| own_path(&it.1).to_owned());
    let next = next.unwrap_or_else(|| format!("/schedules/{id}"));
    match done {
        Ok(said) => Ok(SeeOther::to(next).saying(Flash::ok(said))),
        Err(error) if matches!(error.code(), Code::VersionConflict | Code::Stopped | Code::InvalidInput) => {
            Ok(SeeOther::to(next).saying(Flash::bad(format!("{}.", sentence(error.message())))))
        }
        Err(error) => Err(error),
    }
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleDeleteForm")]
struct DeleteForm {
    /// The name, typed again.
    confirm: String,
}

/// `POST /schedules/{schedule}/delete`
async fn delete(cx: Cx, request: HttpRequest, framing: Framing, form: Form<DeleteForm>) -> Reply<Sent> {
    let id: ScheduleId = part(&request, "schedule")?;
    let name = ops::find(&cx, id)?.name;
    let deleted = match confirmed(&form.0.confirm, &name) {
        Ok(()) => ops::delete(&cx, id, None).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => {
            let said = Flash::ok(format!("{name} and its history are gone. Its runs stay."));
            Ok(SeeOther::to("/schedules").saying(said).into())
        }
        Err(error) => again(Show::of(&cx, &framing, id, HistoryQuery::default(), &Faults::of(error)?)?),
    }
}
