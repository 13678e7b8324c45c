//! One sentence for the next page, carried by a cookie that lives for a minute and is shown once.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::web::Data;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::web::frame::Flash;
use crate::web::state::WebState;
use crate::web::view::Tone;

pub(super) const COOKIE: &str = "flash";
const LASTS: Duration = Duration::minutes(1);
const MAX_CHARS: usize = 400;

/// The cookie that carries `flash` to the next page.
pub(in crate::web) fn kept(request: &HttpRequest, flash: &Flash) -> Cookie<'static> {
    let message: String = flash.message.chars().take(MAX_CHARS).collect();
    let value = format!("{}.{}", flash.tone.name(), URL_SAFE_NO_PAD.encode(message));
    cookie(request, value, LASTS)
}

/// Takes it away.
pub(in crate::web) fn forgotten(request: &HttpRequest) -> Cookie<'static> {
    cookie(request, String::new(), Duration::ZERO)
}

fn cookie(request: &HttpRequest, value: String, lasts: Duration) -> Cookie<'static> {
    let https = request.app_data::<Data<WebState>>().is_some_and(|it| it.public_url_is_https());
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(lasts)
        .finish()
}

/// Nothing for what is not ours.
pub(super) fn read(value: &str) -> Option<Flash> {
    let (tone, message) = value.split_once('.')?;
    let message = String::from_utf8(URL_SAFE_NO_PAD.decode(message).ok()?).ok()?;
    let fits = !message.is_empty() && message.chars().count() <= MAX_CHARS;
    fits.then(|| Flash { tone: Tone::from_name(tone), message })
}
