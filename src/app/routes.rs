//! Every route there is, a line per feature.

use crate::executions;
use crate::web::{self, Route};

/// The whole table.
pub fn routes() -> Vec<Route> {
    let features: Vec<Vec<Route>> =
        vec![web::health_routes(), web::openapi_routes(), executions::api::routes()];
    features.into_iter().flatten().collect()
}
