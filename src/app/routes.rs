//! Every route there is, a line per feature.

use crate::web::Route;

/// The whole table.
pub fn routes() -> Vec<Route> {
    let features: Vec<Vec<Route>> = vec![];
    features.into_iter().flatten().collect()
}
