//! Refusals are written into the audit log, wherever on the way they were spoken.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;

use super::route::Route;
use crate::access::{self, Cx};
use crate::base::{Code, Error};

/// `error` again, written down where it refuses a known caller.
pub(super) async fn noted(route: &Route, caller: Option<&Cx>, error: Error) -> Error {
    if let Some(cx) = caller {
        note(route, cx, &error).await;
    }
    error
}

/// As `noted`, for what a handler answered.
pub(super) async fn note_if_one(route: &Route, caller: Option<&Cx>, response: &ServiceResponse<BoxBody>) {
    let error = response.response().error().and_then(|it| it.as_error::<Error>());
    if let (Some(cx), Some(error)) = (caller, error) {
        note(route, cx, error).await;
    }
}

/// The refusal stands even where it cannot be written down.
async fn note(route: &Route, cx: &Cx, error: &Error) {
    if !matches!(error.code(), Code::InsufficientPermissions | Code::AgentAccessDenied) {
        return;
    }
    let what = format!("{} {}", route.method, route.path);
    if let Err(cause) = access::note_denial(cx, &what, error).await {
        tracing::error!(cause = ?cause, "a refusal could not be written to the audit log");
    }
}
