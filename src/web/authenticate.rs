//! Who calls: a token for programs, a cookie for people; and whether a browser's changing request is the
//! person's own.

use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use subtle::ConstantTimeEq as _;

use super::cookie;
use super::origin::{check_same_origin, origin_of};
use super::route::{Access, Csrf, Kind, Route};
use super::state::WebState;
use crate::access::{self, Credential, Cx};
use crate::base::{Error, Result};

const CSRF_HEADER: &str = "x-csrf-token";
const CSRF_FIELD: &str = "csrf_token";

/// The caller; none where the route needs none. On open pages a good cookie still says who looks.
///
/// Errors: `Unauthenticated` where the route needs a caller and there is none.
pub(super) async fn caller_of(
    route: &Route,
    request: &ServiceRequest,
    state: &WebState,
) -> Result<Option<Cx>> {
    if route.kind == Kind::Bare {
        return Ok(None);
    }
    let open = route.access == Access::Open;
    let found = match (route.kind, open) {
        (Kind::Api, true) => return Ok(None),
        (Kind::Api, false) => token_of(request)?,
        _ => cookie::session_of(request.request(), state),
    };
    let Some(text) = found else {
        return if open { Ok(None) } else { Err(nobody()) };
    };
    let credential = match route.kind {
        Kind::Api => Credential::Token(&text),
        _ => Credential::Cookie(&text),
    };
    let origin = origin_of(request.request(), state);
    match access::authenticate(&state.services, credential, origin).await {
        Ok(cx) => Ok(Some(cx)),
        Err(_) if open => Ok(None),
        Err(error) => Err(error),
    }
}

fn nobody() -> Error {
    Error::unauthenticated("log in, or send a token")
}

/// Errors: `Unauthenticated` for two tokens at once, or one that cannot be read.
fn token_of(request: &ServiceRequest) -> Result<Option<String>> {
    let lines = |name| request.headers().get_all(name).count();
    let bearer = request.headers().get(header::AUTHORIZATION);
    let key = request.headers().get("x-api-key");
    if lines("authorization") + lines("x-api-key") > 1 {
        return Err(Error::unauthenticated("send one token: either Authorization or X-API-Key"));
    }
    let unreadable =
        || Error::unauthenticated("send the token as \"Authorization: Bearer TOKEN\" or as X-API-Key");
    match (bearer, key) {
        (Some(bearer), _) => {
            let (scheme, token) =
                bearer.to_str().ok().and_then(|it| it.split_once(' ')).ok_or_else(unreadable)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(unreadable());
            }
            Ok(Some(token.trim().to_owned()))
        }
        (None, Some(key)) => Ok(Some(key.to_str().map_err(|_| unreadable())?.to_owned())),
        (None, None) => Ok(None),
    }
}

/// What can be said of a changing request before its body is read.
///
/// Errors: `InsufficientPermissions` where it did not come from our own pages.
pub(super) fn check_site(route: &Route, request: &ServiceRequest, state: &WebState) -> Result<()> {
    match route.csrf {
        Csrf::Safe | Csrf::NoCookie => Ok(()),
        Csrf::Token | Csrf::Origin => check_same_origin(request, state),
    }
}

/// The session's own token, in the header or in the form.
///
/// Errors: `InsufficientPermissions` without it.
pub(super) fn check_token(
    route: &Route,
    request: &ServiceRequest,
    caller: Option<&Cx>,
    body: &[u8],
) -> Result<()> {
    if route.csrf != Csrf::Token {
        return Ok(());
    }
    let missing = || Error::forbidden("this page is too old; open it again and try once more");
    let wanted = caller.and_then(Cx::csrf_token).ok_or_else(missing)?;
    let given = match request.headers().get(CSRF_HEADER) {
        Some(it) => it.to_str().ok().map(ToOwned::to_owned),
        None => form_field(request, body),
    };
    let fits = given.is_some_and(|it| bool::from(it.as_bytes().ct_eq(wanted.as_bytes())));
    if fits { Ok(()) } else { Err(missing()) }
}

fn form_field(request: &ServiceRequest, body: &[u8]) -> Option<String> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let mut found =
        url::form_urlencoded::parse(body).filter(|it| it.0 == CSRF_FIELD).map(|it| it.1.into_owned());
    let first = found.next();
    found.next().is_none().then_some(first)?
}
