//! Oneself: profile and sessions.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::Serialize;

use super::check_unchanged;
use crate::access::{self, Action, Cx, Profile, ProfilePatch, Session};
use crate::base::{Code, SessionId};
use crate::web::{Body, Found, Limit, NoContent, Reply, Route, part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/users/me", show)
            .needs(Action::ProfileRead)
            .says("Who the caller is, in which organization, and which others there are.")
            .answers::<Profile>(200, "The profile."),
        Route::put("/api/users/me", update)
            .needs(Action::ProfileWrite)
            .limit(Limit::Login)
            .says("Changes name or e-mail address. A new address needs the current password.")
            .takes::<ProfilePatch>()
            .answers::<Profile>(200, "The profile.")
            .errs(&[Code::Conflict, Code::PreconditionFailed]),
        Route::get("/api/users/me/sessions", sessions)
            .needs(Action::ProfileRead)
            .says("The caller's log-ins that have not ended.")
            .answers::<Sessions>(200, "The sessions, newest first."),
        Route::delete("/api/users/me/sessions", end_others)
            .needs(Action::ProfileWrite)
            .says("Ends all of the caller's log-ins but the one that calls.")
            .answers_plain(204, "Ended.", ""),
        Route::delete("/api/users/me/sessions/{session}", end)
            .needs(Action::ProfileWrite)
            .of("session")
            .says("Ends one of the caller's log-ins.")
            .answers_plain(204, "Ended.", "")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Serialize, JsonSchema)]
struct Sessions {
    items: Vec<Session>,
    /// Always `null`: all sessions are on one page.
    next_cursor: Option<String>,
}

/// `GET /api/users/me`
async fn show(cx: Cx) -> Reply<Found<Profile>> {
    Ok(Found(access::profile(&cx)?))
}

/// `PUT /api/users/me`
async fn update(cx: Cx, request: HttpRequest, body: Body<ProfilePatch>) -> Reply<Found<Profile>> {
    check_unchanged(&request, || access::profile(&cx))?;
    Ok(Found(access::update_profile(&cx, body.0).await?))
}

/// `GET /api/users/me/sessions`
async fn sessions(cx: Cx) -> Reply<Found<Sessions>> {
    Ok(Found(Sessions { items: access::sessions(&cx)?, next_cursor: None }))
}

/// `DELETE /api/users/me/sessions`
async fn end_others(cx: Cx) -> Reply<NoContent> {
    access::end_other_sessions(&cx).await?;
    Ok(NoContent)
}

/// `DELETE /api/users/me/sessions/{session}`
async fn end(cx: Cx, request: HttpRequest) -> Reply<NoContent> {
    access::end_session(&cx, part::<SessionId>(&request, "session")?).await?;
    Ok(NoContent)
}
