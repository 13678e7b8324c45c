//! Pages of runs: the list, one run, and both as they change.

mod act;
mod batches;
mod bulk;
mod callback;
mod curl;
mod index;
mod live;
mod log;
mod run;
mod sessions;
mod show;
mod steps;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [
        index::routes(),
        show::routes(),
        act::routes(),
        callback::routes(),
        batches::routes(),
        bulk::routes(),
        sessions::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
