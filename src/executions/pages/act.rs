//! What can be done with a run from its page.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::base::{Code, ExecutionId};
use crate::executions::ops::{self, VersionChoice};
use crate::web::view::sentence;
use crate::web::{Flash, Form, Reply, Route, SeeOther, part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/executions/{execution}/cancel", cancel)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("Ends a run")
            .answers_plain(303, "Back to the run.", ""),
        Route::post("/executions/{execution}/pause", pause)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("Lets a run wait")
            .answers_plain(303, "Back to the run.", ""),
        Route::post("/executions/{execution}/resume", resume)
            .needs(Action::ExecutionsCancel)
            .of("execution")
            .says("Lets a paused run go on")
            .answers_plain(303, "Back to the run.", ""),
        Route::post("/executions/{execution}/retry", retry)
            .needs(Action::ExecutionsRetry)
            .of("execution")
            .says("Runs the same input once more")
            .form::<RetryForm>()
            .answers_plain(303, "To the new run.", ""),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
struct RetryForm {
    #[serde(default)]
    version: VersionChoice,
}

/// `POST /executions/{execution}/cancel`
async fn cancel(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: ExecutionId = part(&request, "execution")?;
    let run = ops::cancel(&cx, id).await?;
    let said = match run.status {
        crate::engine::Status::Cancelled => Flash::ok("The run is cancelled."),
        _ => Flash::bad("The run had ended before it could be cancelled."),
    };
    Ok(SeeOther::to(format!("/executions/{id}")).saying(said))
}

/// `POST /executions/{execution}/pause`
async fn pause(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: ExecutionId = part(&request, "execution")?;
    let said = match ops::pause(&cx, id).await {
        Ok(run) if run.waiting_for.is_some() => Flash::ok("The run is paused."),
        Ok(_) => Flash::ok("The run will wait before its next step."),
        Err(error) if error.is(Code::Conflict) => Flash::bad(sentence(error.message())),
        Err(error) => return Err(error),
    };
    Ok(SeeOther::to(format!("/executions/{id}")).saying(said))
}

/// `POST /executions/{execution}/resume`
async fn resume(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: ExecutionId = part(&request, "execution")?;
    let said = match ops::resume(&cx, id).await {
        Ok(_) => Flash::ok("The run goes on."),
        Err(error) if error.is(Code::Conflict) => Flash::bad(sentence(error.message())),
        Err(error) => return Err(error),
    };
    Ok(SeeOther::to(format!("/executions/{id}")).saying(said))
}

/// `POST /executions/{execution}/retry`
async fn retry(cx: Cx, request: HttpRequest, form: Form<RetryForm>) -> Reply<SeeOther> {
    let id: ExecutionId = part(&request, "execution")?;
    let started = ops::retry(&cx, id, form.0.version, Some(0)).await?;
    let next = format!("/executions/{}", started.id);
    Ok(SeeOther::to(next).saying(Flash::ok("The same input runs once more. This is the new run.")))
}
