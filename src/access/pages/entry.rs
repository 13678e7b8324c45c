//! Logging in.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Door, HTML};
use crate::access::{self, LoginRequest};
use crate::base::{OrgId, Origin};
use crate::infra::Secret;
use crate::web::view::Field;
use crate::web::{
    Faults, Form, Framing, Limit, MaybeCx, Query, Reply, Route, SeeOther, Sent, WebState, again, origin_of,
    own_path, render, session_cookie,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/login", show).open().query::<Next>().says("Asks who you are").answers_plain(
            200,
            "The page.",
            HTML,
        ),
        Route::post("/login", send)
            .open()
            .limit(Limit::Login)
            .says("Logs in")
            .form::<LoginForm>()
            .answers_plain(303, "On to the page that was asked for.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Next {
    /// A path of this server, to go on to.
    next: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct LoginForm {
    email: String,
    password: Secret,
    next: Option<String>,
}

/// `GET /login`
async fn show(who: MaybeCx, framing: Framing, state: Data<WebState>, query: Query<Next>) -> Reply<Sent> {
    let next = own_path(query.0.next.as_deref().unwrap_or("/")).to_owned();
    if who.0.is_some() {
        return Ok(SeeOther::to(next).into());
    }
    if !access::setup_is_done(&state.services)? {
        return Ok(SeeOther::to("/setup").into());
    }
    Ok(Sent::Page(render(door(&framing, next, "", &Faults::none())?)?))
}

/// `POST /login`
async fn send(
    request: HttpRequest,
    framing: Framing,
    state: Data<WebState>,
    form: Form<LoginForm>,
) -> Reply<Sent> {
    let LoginForm { email, password, next } = form.0;
    let next = own_path(next.as_deref().unwrap_or("/")).to_owned();
    let origin = origin_of(&request, &state);
    match let_in(&state, &origin, &email, password, None, SeeOther::to(next.clone())).await {
        Ok(on) => Ok(on.into()),
        Err(error) => again(door(&framing, next, &email, &Faults::of(error)?)?),
    }
}

/// Logs a person in, and sends them on with the session's cookie.
///
/// Errors: as `access::log_in_browser`.
pub(super) async fn let_in(
    state: &WebState,
    origin: &Origin,
    email: &str,
    password: Secret,
    org_id: Option<OrgId>,
    next: SeeOther,
) -> Reply<SeeOther> {
    let wanted = LoginRequest { email: email.to_owned(), password, org_id };
    let session = access::log_in_browser(&state.services, origin, wanted).await?;
    Ok(next.with(session_cookie(state, &session)))
}

fn door(framing: &Framing, next: String, email: &str, faults: &Faults) -> Reply<Door> {
    let mut door = Door::new(framing, "Log in", "/login")?;
    door.hidden = vec![("next", next)];
    let email_field = Field::email("email", "E-mail").autocomplete("username").value(email);
    let password = Field::password("password", "Password").error(faults.on("password"));
    let (email_field, password) = if email.is_empty() {
        (email_field.autofocus(), password)
    } else {
        (email_field, password.autofocus())
    };
    door.fields = vec![email_field.error(faults.on("email")).required(), password.required()];
    door.faults = faults.summary_of(&door.fields);
    door.verb = "Log in";
    door.foot = Some(("Forgot your password?", "/reset"));
    Ok(door)
}
