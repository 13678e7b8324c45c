//! Taking up an invitation.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry::let_in;
use super::{Door, HTML};
use crate::access::{self, Invitation, RegisterRequest};
use crate::infra::Secret;
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, Form, Framing, Html, Limit, Reply, Route, SeeOther, Sent, WebState, again, origin_of,
    render, text_part,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/invitations/{token}", show)
            .open()
            .limit(Limit::Login)
            .of("invitation")
            .says("Shows who invites, and asks for a password")
            .answers_plain(200, "The page.", HTML),
        Route::post("/invitations/{token}", send)
            .open()
            .limit(Limit::Login)
            .of("invitation")
            .says("Joins, and logs in")
            .form::<JoinForm>()
            .answers_plain(303, "Into the organization.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct JoinForm {
    name: String,
    password: Secret,
}

/// `GET /invitations/{token}`
async fn show(request: HttpRequest, framing: Framing, state: Data<WebState>) -> Reply<Html> {
    let token = text_part(&request, "token")?;
    let (invitation, org_name) = access::invitation_for(&state.services, &Secret::from(token.to_owned()))?;
    render(door(&framing, token, &invitation, &org_name, "", &Faults::none())?)
}

/// `POST /invitations/{token}`
async fn send(
    request: HttpRequest,
    framing: Framing,
    state: Data<WebState>,
    form: Form<JoinForm>,
) -> Reply<Sent> {
    let token = text_part(&request, "token")?;
    let secret = Secret::from(token.to_owned());
    let (invitation, org_name) = access::invitation_for(&state.services, &secret)?;
    let JoinForm { name, password } = form.0;
    let wanted = RegisterRequest {
        invite: Some(secret),
        email: invitation.email.clone(),
        password: password.duplicate(),
        name: Some(name.clone()).filter(|it| !it.trim().is_empty()),
        org_name: None,
    };
    let origin = origin_of(&request, &state);
    let joined = match access::accept(&state.services, &origin, wanted).await {
        Ok(joined) => joined,
        Err(error) => {
            let faults = Faults::of(error)?;
            return again(door(&framing, token, &invitation, &org_name, &name, &faults)?);
        }
    };
    let next = SeeOther::to("/").saying(Flash::ok(format!("Welcome to {org_name}.")));
    let org = Some(joined.organization.id);
    Ok(let_in(&state, &origin, &invitation.email, password, org, next).await?.into())
}

fn door(
    framing: &Framing,
    token: &str,
    invitation: &Invitation,
    org_name: &str,
    name: &str,
    faults: &Faults,
) -> Reply<Door> {
    let mut door = Door::new(framing, format!("Join {org_name}"), format!("/invitations/{token}"))?;
    door.about.push(format!(
        "You are invited as {} with the address {}.",
        invitation.role.name(),
        invitation.email
    ));
    door.fields = vec![
        Field::text("name", "Your name").autocomplete("name").value(name).error(faults.on("name")),
        Field::password("password", "Password")
            .autocomplete("new-password")
            .help("A new one; or your own, where you have an account here already.")
            .error(faults.on("password"))
            .required(),
    ];
    door.faults = faults.summary_of(&door.fields);
    door.verb = "Join";
    Ok(door)
}
