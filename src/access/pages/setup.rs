//! The first run: whoever holds the setup token makes the first owner and organization.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use super::entry::let_in;
use super::{Door, HTML};
use crate::access::{self, SetupRequest};
use crate::base::Error;
use crate::infra::Secret;
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, Form, Framing, Limit, Query, Reply, Route, SeeOther, Sent, WebState, again, origin_of,
    render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/setup", show).open().query::<Asked>().says("Sets up a new appliance").answers_plain(
            200,
            "The page.",
            HTML,
        ),
        Route::post("/setup", send)
            .open()
            .limit(Limit::Login)
            .says("Makes the first owner and organization, and logs in")
            .form::<SetupForm>()
            .answers_plain(303, "On to the agents.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// From a link that carries it.
    token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct SetupForm {
    token: Secret,
    org_name: String,
    name: String,
    email: String,
    password: Secret,
}

/// `GET /setup`
async fn show(framing: Framing, state: Data<WebState>, query: Query<Asked>) -> Reply<Sent> {
    if access::setup_is_done(&state.services)? {
        return Ok(SeeOther::to("/login").into());
    }
    let token = query.0.token.unwrap_or_default();
    let door = door(&framing, [&token, "", "", ""], &Faults::none())?;
    Ok(Sent::Page(render(door)?))
}

/// `POST /setup`
async fn send(
    request: HttpRequest,
    framing: Framing,
    state: Data<WebState>,
    form: Form<SetupForm>,
) -> Reply<Sent> {
    let SetupForm { token, org_name, name, email, password } = form.0;
    let typed =
        [token.expose_str().unwrap_or_default().to_owned(), org_name.clone(), name.clone(), email.clone()];
    let wanted = SetupRequest {
        token: Secret::from(typed[0].trim().to_owned()),
        org_name,
        email: email.clone(),
        password: password.duplicate(),
        name: Some(name).filter(|it| !it.trim().is_empty()),
    };
    let origin = origin_of(&request, &state);
    if let Err(error) = access::setup(&state.services, &origin, wanted, true).await {
        let faults = at_token(error)?;
        return again(door(&framing, [&typed[0], &typed[1], &typed[2], &typed[3]], &faults)?);
    }
    let next = SeeOther::to("/agents").saying(Flash::ok("All set. Connect your first agent."));
    Ok(let_in(&state, &origin, &email, password, None, next).await?.into())
}

/// A wrong token is the one thing that is not authenticated here.
fn at_token(error: Error) -> Reply<Faults> {
    if error.is(crate::base::Code::Unauthenticated) {
        return Ok(Faults::none().at("token", error.message()));
    }
    Faults::of(error)
}

fn door(framing: &Framing, typed: [&str; 4], faults: &Faults) -> Reply<Door> {
    let [token, org_name, name, email] = typed;
    let mut door = Door::new(framing, "Set up Reeve", "/setup")?;
    door.about.push(
        "You become the owner of the first organization. This takes a minute and is done once.".to_owned(),
    );
    let token_field = Field::text("token", "Setup token")
        .help("It stands in the terminal where the server was started, and in the file setup-token of its data folder.")
        .value(token)
        .autocomplete("off")
        .mono();
    door.fields = vec![
        if token.is_empty() { token_field.autofocus() } else { token_field }
            .error(faults.on("token"))
            .required(),
        Field::text("org_name", "Organization")
            .placeholder("Acme")
            .autocomplete("organization")
            .value(org_name)
            .error(faults.on("org_name"))
            .required(),
        Field::text("name", "Your name").autocomplete("name").value(name).error(faults.on("name")),
        Field::email("email", "E-mail").value(email).error(faults.on("email")).required(),
        Field::password("password", "Password")
            .autocomplete("new-password")
            .help("A few words in a row are long and easy to keep in mind.")
            .error(faults.on("password"))
            .required(),
    ];
    door.faults = faults.summary_of(&door.fields);
    door.verb = "Set up";
    Ok(door)
}
