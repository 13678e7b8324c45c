//! Oneself: name, password, sessions.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use super::session::carried;
use crate::access::{self, Action, Cx, PasswordChange, Profile, ProfilePatch, Session};
use crate::base::{SessionId, Timestamp};
use crate::infra::Secret;
use crate::web::view::Field;
use crate::web::{
    Faults, Flash, Form, Frame, Framing, Html, Limit, Reply, Route, SeeOther, Sent, WebState, again, part,
    render,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/profile", show)
            .needs(Action::ProfileRead)
            .says("Name, password and sessions of who looks")
            .answers_plain(200, "The page.", HTML),
        Route::post("/profile", update)
            .needs(Action::ProfileWrite)
            .limit(Limit::Login)
            .says("Changes name or e-mail address")
            .form::<NameForm>()
            .answers_plain(303, "Back to the profile.", ""),
        Route::post("/profile/password", change_password)
            .needs(Action::ProfileWrite)
            .limit(Limit::Login)
            .says("Sets another password; all other sessions end")
            .form::<PasswordForm>()
            .answers_plain(303, "Back to the profile.", ""),
        Route::post("/profile/sessions/end-others", end_others)
            .needs(Action::ProfileWrite)
            .says("Ends all other sessions")
            .answers_plain(303, "Back to the profile.", ""),
        Route::post("/profile/sessions/{session}/end", end)
            .needs(Action::ProfileWrite)
            .of("session")
            .says("Ends a session")
            .answers_plain(303, "Back to the profile.", ""),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct NameForm {
    name: String,
    email: String,
    current_password: Option<Secret>,
}

#[derive(Deserialize, JsonSchema)]
struct PasswordForm {
    password_now: Secret,
    new_password: Secret,
}

#[derive(askama::Template)]
#[template(path = "access/profile.html")]
struct ProfilePage {
    frame: Frame,
    profile: Profile,
    org_name: String,
    about: Vec<Field>,
    about_faults: Vec<(String, String)>,
    password: Vec<Field>,
    password_faults: Vec<(String, String)>,
    sessions: Vec<Session>,
    now: Timestamp,
}

impl ProfilePage {
    fn new(cx: &Cx, framing: &Framing) -> Reply<Self> {
        let profile = access::profile(cx)?;
        let frame = framing.frame("Profile")?;
        let mut page = Self {
            org_name: frame.org_name.clone(),
            frame,
            about: about(&profile.name, &profile.email, &Faults::none()),
            about_faults: Vec::new(),
            password: password(&Faults::none()),
            password_faults: Vec::new(),
            sessions: access::sessions(cx)?,
            now: cx.now(),
            profile,
        };
        page.sessions.sort_by_key(|it| !it.current);
        Ok(page)
    }
}

fn about(name: &str, email: &str, faults: &Faults) -> Vec<Field> {
    vec![
        Field::text("name", "Name").autocomplete("name").value(name).error(faults.on("name")).required(),
        Field::email("email", "E-mail").value(email).error(faults.on("email")).required(),
        Field::password("current_password", "Current password")
            .help("Only needed for another e-mail address.")
            .error(faults.on("current_password")),
    ]
}

fn password(faults: &Faults) -> Vec<Field> {
    vec![
        // Its own name in the page: the form beside it asks for the current password too.
        Field::password("password_now", "Current password").error(faults.on("password_now")).required(),
        Field::password("new_password", "New password")
            .autocomplete("new-password")
            .error(faults.on("new_password"))
            .required(),
    ]
}

/// `GET /profile`
async fn show(cx: Cx, framing: Framing) -> Reply<Html> {
    render(ProfilePage::new(&cx, &framing)?)
}

/// `POST /profile`
async fn update(cx: Cx, framing: Framing, form: Form<NameForm>) -> Reply<Sent> {
    let NameForm { name, email, current_password } = form.0;
    let patch = ProfilePatch {
        name: Some(name.clone()),
        email: Some(email.clone()),
        current_password: current_password.filter(|it| !it.expose().is_empty()),
    };
    match access::update_profile(&cx, patch).await {
        Ok(_) => Ok(saved("Your profile is saved.")),
        Err(error) => {
            let faults = Faults::of(error)?;
            let mut page = ProfilePage::new(&cx, &framing)?;
            page.about = about(&name, &email, &faults);
            page.about_faults = faults.summary_of(&page.about);
            again(page)
        }
    }
}

/// `POST /profile/password`
async fn change_password(
    cx: Cx,
    framing: Framing,
    state: Data<WebState>,
    form: Form<PasswordForm>,
) -> Reply<Sent> {
    let PasswordForm { password_now, new_password } = form.0;
    let change = PasswordChange { current_password: password_now, new_password };
    match access::change_password(&cx, change).await {
        Ok(opened) => {
            let said = Flash::ok("Your new password is set. All other sessions have ended.");
            Ok(carried(&state, opened, SeeOther::to("/profile").saying(said))?.into())
        }
        Err(error) => {
            let faults = Faults::of(error)?.renamed("current_password", "password_now");
            let mut page = ProfilePage::new(&cx, &framing)?;
            page.password = password(&faults);
            page.password_faults = faults.summary_of(&page.password);
            again(page)
        }
    }
}

/// `POST /profile/sessions/{session}/end`
async fn end(cx: Cx, request: HttpRequest) -> Reply<Sent> {
    access::end_session(&cx, part::<SessionId>(&request, "session")?).await?;
    Ok(saved("The session has ended."))
}

/// `POST /profile/sessions/end-others`
async fn end_others(cx: Cx) -> Reply<Sent> {
    let said = match access::end_other_sessions(&cx).await? {
        0 => "There was no other session.".to_owned(),
        1 => "One other session has ended.".to_owned(),
        ended => format!("{ended} other sessions have ended."),
    };
    Ok(saved(said))
}

fn saved(said: impl Into<String>) -> Sent {
    SeeOther::to("/profile").saying(Flash::ok(said)).into()
}
