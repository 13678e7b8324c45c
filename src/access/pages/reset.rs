//! A forgotten password: asking for help, and the one-time link that an administrator hands over.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Door, HTML};
use crate::access::{self, ResetConfirm, ResetRequest};
use crate::infra::Secret;
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, Form, Framing, Html, Limit, Reply, Route, SeeOther, Sent, WebState, again, origin_of,
    render, text_part,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/reset", ask).open().says("Asks for a new password").answers_plain(
            200,
            "The page.",
            HTML,
        ),
        Route::post("/reset", asked)
            .open()
            .limit(Limit::Login)
            .says("Notes that a new password is wanted; says the same for any address")
            .form::<AskForm>()
            .answers_plain(303, "Back to the log-in.", ""),
        Route::get("/reset/{token}", choose)
            .open()
            .of("reset link")
            .says("Asks for the new password")
            .answers_plain(200, "The page.", HTML),
        Route::post("/reset/{token}", chosen)
            .open()
            .limit(Limit::Login)
            .of("reset link")
            .says("Sets the new password; all sessions of the person end")
            .form::<ChooseForm>()
            .answers_plain(303, "To the log-in.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct AskForm {
    email: String,
}

#[derive(Deserialize, JsonSchema)]
struct ChooseForm {
    password: Secret,
}

/// `GET /reset`
async fn ask(framing: Framing) -> Reply<Html> {
    render(asking(&framing, "", &Faults::none())?)
}

/// `POST /reset`
async fn asked(
    request: HttpRequest,
    framing: Framing,
    state: Data<WebState>,
    form: Form<AskForm>,
) -> Reply<Sent> {
    let email = form.0.email;
    if email.trim().is_empty() {
        let faults = Faults::none().at("email", "an e-mail address looks like name@example.com");
        return again(asking(&framing, &email, &faults)?);
    }
    let wanted = ResetRequest { email: email.clone() };
    if let Err(error) = access::request_reset(&state.services, &origin_of(&request, &state), wanted).await {
        return again(asking(&framing, &email, &Faults::of(error)?)?);
    }
    let said =
        "If this address has an account here, an administrator sees your request and can give you a link.";
    Ok(SeeOther::to("/login").saying(Flash::ok(said)).into())
}

fn asking(framing: &Framing, email: &str, faults: &Faults) -> Reply<Door> {
    let mut door = Door::new(framing, "Forgot your password?", "/reset")?;
    door.about.push(
        "An administrator of your organization sees the request and hands you a link to set a new one."
            .to_owned(),
    );
    door.fields =
        vec![Field::email("email", "E-mail").value(email).error(faults.on("email")).required().autofocus()];
    door.faults = faults.summary_of(&door.fields);
    door.verb = "Ask for a link";
    door.foot = Some(("Back to the log-in", "/login"));
    Ok(door)
}

/// `GET /reset/{token}`
async fn choose(request: HttpRequest, framing: Framing) -> Reply<Html> {
    render(choosing(&framing, text_part(&request, "token")?, &Faults::none())?)
}

/// `POST /reset/{token}`
async fn chosen(
    request: HttpRequest,
    framing: Framing,
    state: Data<WebState>,
    form: Form<ChooseForm>,
) -> Reply<Sent> {
    let token = text_part(&request, "token")?;
    let wanted = ResetConfirm { token: Secret::from(token.to_owned()), password: form.0.password };
    match access::confirm_reset(&state.services, &origin_of(&request, &state), wanted).await {
        Ok(()) => {
            Ok(SeeOther::to("/login").saying(Flash::ok("Your new password is set. Log in with it.")).into())
        }
        Err(error) => again(choosing(&framing, token, &Faults::of(error)?)?),
    }
}

fn choosing(framing: &Framing, token: &str, faults: &Faults) -> Reply<Door> {
    let mut door = Door::new(framing, "Choose a new password", format!("/reset/{token}"))?;
    door.about.push("All your sessions end with the old one.".to_owned());
    door.fields = vec![
        Field::password("password", "New password")
            .autocomplete("new-password")
            .error(faults.on("password"))
            .required()
            .autofocus(),
    ];
    door.faults = faults.summary_of(&door.fields);
    door.verb = "Set the password";
    Ok(door)
}
