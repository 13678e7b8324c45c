//! How often one caller may call: a token's holder by themselves, everyone else by address.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::origin::client_address;
use super::route::{Limit, Route};
use super::state::WebState;
use crate::access::Cx;
use crate::base::{Actor, KeyId, Result, UserId};
use crate::config;
use crate::infra::limits::{AddressBlock, Limiter, Rate, Verdict};

/// Callers and addresses that are remembered at once.
const MAX_CALLERS: usize = 100_000;

pub(super) struct Rates {
    callers: Limiter<Caller>,
    addresses: Limiter<AddressBlock>,
}

/// A key has a count of its own; a person's log-ins and pages share one.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Caller {
    Key(KeyId),
    User(UserId),
}

impl Rates {
    pub(super) fn new(limits: &config::Limits) -> Self {
        Self {
            callers: Limiter::new(Rate::per_minute(limits.requests_per_minute), MAX_CALLERS),
            addresses: Limiter::new(Rate::per_minute(limits.anonymous_requests_per_minute), MAX_CALLERS),
        }
    }
}

/// Counts a request whose caller is known, or known to be nobody: an open route, or a refused token. The brake
/// on guessing passwords is `access`'s, which knows whether a guess was right.
///
/// Errors: `RateLimited` with the time to wait.
pub(super) fn count(
    route: &Route,
    request: &ServiceRequest,
    state: &WebState,
    caller: Option<&Cx>,
) -> Result<()> {
    if route.limit == Limit::None {
        return Ok(());
    }
    let rates = state.rates();
    let verdict = match caller.map(Cx::actor) {
        Some(Actor::Key { key_id, .. }) => rates.callers.check(&Caller::Key(*key_id)),
        Some(Actor::User { user_id }) => rates.callers.check(&Caller::User(*user_id)),
        _ => {
            let address = client_address(request.request(), state);
            rates.addresses.check(&address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).into())
        }
    };
    request.extensions_mut().insert(verdict);
    verdict.require().map(|_| ())
}

/// Says on the answer what is left.
pub(super) fn add_headers(headers: &mut HeaderMap, verdict: Verdict) {
    const NAMES: [HeaderName; 3] = [
        HeaderName::from_static("ratelimit-limit"),
        HeaderName::from_static("ratelimit-remaining"),
        HeaderName::from_static("ratelimit-reset"),
    ];
    for (name, (_, value)) in NAMES.into_iter().zip(verdict.headers()) {
        headers.insert(name, HeaderValue::from(value));
    }
}
