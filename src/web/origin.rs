//! Where a request comes from: the client's address, and whether a browser sent it from our own pages.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};

use super::context::RequestTag;
use super::state::WebState;
use crate::base::{Error, Origin, Result};

/// The client's address. `X-Forwarded-For` counts only where the peer is a proxy named in
/// `server.trusted_proxies`; then it is the last address that is not such a proxy.
pub fn client_address(request: &HttpRequest, state: &WebState) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let trusted = &state.services.config.server.trusted_proxies;
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let lines: Vec<&str> =
        request.headers().get_all(header::X_FORWARDED_FOR).filter_map(|it| it.to_str().ok()).collect();
    for hop in lines.iter().flat_map(|it| it.split(',')).rev() {
        match hop.trim().parse::<IpAddr>().map(|it| it.to_canonical()) {
            Ok(address) if trusted.contains(&address) => {}
            Ok(address) => return Some(address),
            Err(_) => return Some(peer),
        }
    }
    Some(peer)
}

/// What audit writes down of a request.
pub fn origin_of(request: &HttpRequest, state: &WebState) -> Origin {
    let request_id = request.extensions().get::<RequestTag>().map(|it| it.id);
    Origin { request_id, address: client_address(request, state), traceparent: traceparent_of(request) }
}

/// The caller's W3C trace context, where it is well-formed: version, trace, parent and flags in lower-case
/// hexadecimal.
fn traceparent_of(request: &HttpRequest) -> Option<String> {
    let text = request.headers().get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |it: &str| it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let set = |it: &str| it.bytes().any(|it| it != b'0');
    let fits = parts.iter().map(|it| it.len()).eq([2, 32, 16, 2])
        && parts.iter().all(|it| hex(it))
        && parts[0] != "ff"
        && set(parts[1])
        && set(parts[2]);
    fits.then(|| text.to_owned())
}

/// Errors: `InsufficientPermissions` unless a browser says that one of our own pages sent the request.
///
/// `Sec-Fetch-Site` has to be `same-origin` and `Origin` to be ours; one of the two may be missing (an older
/// browser), but not both. Ours is `server.public_url`, and, for who opens this server on its own machine, the
/// loopback name in the `Host` header.
pub(super) fn check_same_origin(request: &ServiceRequest, state: &WebState) -> Result<()> {
    let text = |name: &str| request.headers().get(name).map(|it| it.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site");
    let origin = text("origin");
    let site_fits = site.is_none_or(|it| it == "same-origin");
    let origin_fits = origin.is_none_or(|it| is_ours(it, text("host"), state));
    if site_fits && origin_fits && (site.is_some() || origin.is_some()) {
        return Ok(());
    }
    Err(Error::forbidden("this came from another site; open the page here and try again"))
}

fn is_ours(origin: &str, host: Option<&str>, state: &WebState) -> bool {
    let public = url::Url::parse(&state.services.config.public_url());
    if public.is_ok_and(|it| it.origin().ascii_serialization() == origin) {
        return true;
    }
    let Some(host) = host else { return false };
    let name = host.rsplit_once(':').filter(|it| !it.1.ends_with(']')).map_or(host, |it| it.0);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name) && origin == format!("http://{host}")
}
