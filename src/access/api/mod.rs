//! REST endpoints of `access`, a file per resource.

mod auth;
mod keys;
mod members;
mod org;
mod profile;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{PageRequest, Result};
use crate::web::{Route, check_match};
use actix_web::HttpRequest;
use actix_web::http::header::IF_MATCH;

pub fn routes() -> Vec<Route> {
    [auth::routes(), profile::routes(), keys::routes(), members::routes(), org::routes()]
        .into_iter()
        .flatten()
        .collect()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    /// 1 to 200; 50 where it is left out.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    fn page(&self) -> Result<PageRequest> {
        PageRequest::parse(self.limit, self.cursor.as_deref())
    }
}

/// Compares with the resource as it stands where the caller sent `If-Match`; only then it is read.
///
/// Errors: `PreconditionFailed`; those of reading it.
fn check_unchanged<T: Serialize>(request: &HttpRequest, current: impl FnOnce() -> Result<T>) -> Result<()> {
    if request.headers().contains_key(IF_MATCH) { check_match(request, &current()?) } else { Ok(()) }
}
