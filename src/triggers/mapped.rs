//! From a call to the agent's input, by the expressions that people write.

use serde_json::Value;

use super::types::Rules;
use crate::adapters::mapping::{self, Scope};
use crate::base::{Error, Json, Result};

/// Errors: a sentence for whoever wrote it.
pub(super) fn check_filter(filter: &str) -> Result<(), String> {
    mapping::check(&Value::from(filter)).map_err(|it| it.0)
}

/// Errors: a sentence for whoever wrote it.
pub(super) fn check(mapping: &Json) -> Result<(), String> {
    mapping::check(&mapping.to_value()).map_err(|it| it.0)
}

/// Whether a run is to start.
///
/// Errors: `ValidationFailed` for a filter that does not work on this call.
pub(super) fn wanted(rules: &Rules, scope: &Scope) -> Result<bool> {
    let Some(filter) = &rules.filter else { return Ok(true) };
    mapping::holds(filter, scope).map_err(|it| Error::invalid_at("/filter", it.0))
}

/// `plain`: what it is without a mapping.
///
/// Errors: `ValidationFailed` with the place in the mapping that finds nothing.
pub(super) async fn input(rules: &Rules, scope: &Scope, plain: &Json) -> Result<Json> {
    let Some(written) = &rules.mapping else { return Ok(plain.clone()) };
    let written = written.to_value();
    let unfit = |it: mapping::MappingError| Error::invalid_at("/mapping", it.0);
    if let Some(place) = mapping::missing(&written, scope).map_err(unfit)? {
        let message = "this finds nothing in the call; give it a default, or filter such calls out";
        return Err(Error::invalid_at(&format!("/mapping{place}"), message));
    }
    mapping::apply(&written, scope).await.map_err(unfit)
}
