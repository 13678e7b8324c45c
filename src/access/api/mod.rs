//! REST endpoints of `access`, a file per resource.

mod auth;
mod keys;
mod members;
mod org;
mod profile;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::{PageRequest, Result};
use crate::web::Route;

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
