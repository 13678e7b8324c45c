//! Addresses that belong to no feature: appearance, the kit of parts.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::web::Data;
use actix_web::{HttpResponse, http::header};
use schemars::JsonSchema;
use serde::Deserialize;

use super::framing::{Framing, own_path};
use crate::access::Cx;
use crate::web::extract::Form;
use crate::web::failure::Reply;
use crate::web::frame::{Density, Theme};
use crate::web::reply::Html;
use crate::web::route::Route;
use crate::web::state::WebState;
use crate::web::ui_kit;

const HTML: &str = "text/html; charset=utf-8";

pub fn page_routes() -> Vec<Route> {
    vec![
        Route::post("/preferences", preferences)
            .open()
            .says("Keeps theme and density in this browser")
            .form::<Preferences>()
            .answers_plain(303, "Back to the page.", ""),
        Route::get("/ui-kit", kit).superadmin().says("Every part of the pages in every state").answers_plain(
            200,
            "The page.",
            HTML,
        ),
    ]
}

/// `GET /ui-kit`
async fn kit(cx: Cx, framing: Framing) -> Reply<Html> {
    Ok(Html(ui_kit::render(framing.frame("Kit of parts")?, cx.now())?))
}

#[derive(Deserialize, JsonSchema)]
struct Preferences {
    theme: Option<String>,
    density: Option<String>,
    next: Option<String>,
}

/// `POST /preferences`
async fn preferences(state: Data<WebState>, form: Form<Preferences>) -> HttpResponse {
    let Preferences { theme, density, next } = form.0;
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, own_path(next.as_deref().unwrap_or("/"))));
    if let Some(theme) = theme {
        let theme = Theme::parse(&theme);
        answer.cookie(kept(&state, Theme::COOKIE, theme.name(), theme == Theme::default()));
    }
    if let Some(density) = density {
        let density = Density::parse(&density);
        answer.cookie(kept(&state, Density::COOKIE, density.name(), density == Density::default()));
    }
    answer.finish()
}

/// For a year; the default needs no cookie. Scripts read and write it too.
fn kept(state: &WebState, name: &'static str, value: &'static str, is_default: bool) -> Cookie<'static> {
    let lasts = if is_default { Duration::ZERO } else { Duration::days(365) };
    Cookie::build(name, value)
        .path("/")
        .secure(state.public_url_is_https())
        .same_site(SameSite::Lax)
        .max_age(lasts)
        .finish()
}
