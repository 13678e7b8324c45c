//! The session cookie.
//!
//! Where `server.public_url` is `https`, it is `__Host-reeve_session` with `Secure`: no other host and no plain
//! connection can set or read it. Over plain http, which this server takes only on loopback or where its keeper
//! insists, that name would be refused by browsers (Safari refuses `Secure` on loopback as well), so it is
//! `reeve_session` without `Secure`. The rule looks at the setting, never at the request, so that nobody can talk
//! the server out of the strict form.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};

use super::state::WebState;
use crate::infra::Secret;

pub fn session_cookie_name(state: &WebState) -> &'static str {
    if state.public_url_is_https() { "__Host-reeve_session" } else { "reeve_session" }
}

/// The cookie that carries a session.
pub fn session_cookie(state: &WebState, value: &Secret) -> Cookie<'static> {
    let value = value.expose_str().unwrap_or_default().to_owned();
    let lasts_ms = i64::try_from(state.services.config.auth.session_max_ms).unwrap_or(i64::MAX);
    bare(state, value, Duration::milliseconds(lasts_ms))
}

/// Takes the cookie away.
pub fn no_session_cookie(state: &WebState) -> Cookie<'static> {
    bare(state, String::new(), Duration::ZERO)
}

fn bare(state: &WebState, value: String, lasts: Duration) -> Cookie<'static> {
    Cookie::build(session_cookie_name(state), value)
        .path("/")
        .http_only(true)
        .secure(state.public_url_is_https())
        .same_site(SameSite::Lax)
        .max_age(lasts)
        .finish()
}

/// The request's session cookie. Two of the name are none: one of them was slipped in.
pub(super) fn session_of(request: &HttpRequest, state: &WebState) -> Option<String> {
    let name = session_cookie_name(state);
    let cookies = request.cookies().ok()?;
    let mut named = cookies.iter().filter(|it| it.name() == name);
    let value = named.next()?.value().to_owned();
    named.next().is_none().then_some(value)
}
