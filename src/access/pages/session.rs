//! Leaving, and going to another organization.

use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{self, Cx, Opened, SwitchRequest};
use crate::base::{Error, OrgId};
use crate::web::{Flash, Form, Reply, Route, SeeOther, WebState, no_session_cookie, session_cookie};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/logout", log_out).member().says("Ends this session").answers_plain(
            303,
            "To the log-in.",
            "",
        ),
        Route::post("/switch-organization", switch)
            .member()
            .says("Goes to another organization")
            .form::<SwitchForm>()
            .answers_plain(303, "To its overview.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct SwitchForm {
    org_id: String,
}

/// `POST /logout`
async fn log_out(cx: Cx, state: Data<WebState>) -> Reply<SeeOther> {
    access::log_out(&cx).await?;
    Ok(SeeOther::to("/login").saying(Flash::ok("You are logged out.")).with(no_session_cookie(&state)))
}

/// `POST /switch-organization`
async fn switch(cx: Cx, state: Data<WebState>, form: Form<SwitchForm>) -> Reply<SeeOther> {
    let org_id: OrgId = form.0.org_id.parse()?;
    if org_id == cx.org() {
        return Ok(SeeOther::to("/"));
    }
    carried(&state, access::switch_org(&cx, SwitchRequest { org_id }).await?, SeeOther::to("/"))
}

/// On to the next page with a new session's cookie.
pub(super) fn carried(state: &WebState, opened: Opened, next: SeeOther) -> Reply<SeeOther> {
    match opened {
        Opened::Browser(secret) => Ok(next.with(session_cookie(state, &secret))),
        Opened::Tokens(_) => Err(Error::internal("carry a session", "a browser got tokens")),
    }
}
