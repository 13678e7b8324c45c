//! REST endpoints of agents.

mod agents;
mod catalog;
mod states;
mod versions;

use actix_web::HttpRequest;
use actix_web::http::header;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ops;
use crate::access::Cx;
use crate::base::{Code, PageRequest, Result};
use crate::web::{Route, check_match, text_part};

pub fn routes() -> Vec<Route> {
    [agents::routes(), states::routes(), versions::routes(), catalog::routes()]
        .into_iter()
        .flatten()
        .collect()
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    /// Items on a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[schemars(length(max = 400))]
    cursor: Option<String>,
}

impl PageQuery {
    fn request(&self) -> Result<PageRequest> {
        PageRequest::parse(self.limit, self.cursor.as_deref())
    }
}

/// Id or slug, as it stands in the path.
fn agent_of(request: &HttpRequest) -> Result<&str> {
    text_part(request, "agent")
}

/// The revision that the caller has read, where the request says `If-Match`.
///
/// Errors: `PreconditionFailed` where the agent is another by now.
fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let (view, revision) = ops::seen(cx, agent_of(request)?)?;
    check_match(request, &view)?;
    Ok(Some(revision))
}

/// What every change of an agent's definition can be refused with.
const WRONG: &[Code] = &[
    Code::InvalidAgentConfig,
    Code::ValidationFailed,
    Code::CredentialInvalid,
    Code::VisibilityViolation,
    Code::DuplicateAgentName,
];
