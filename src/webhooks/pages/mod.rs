//! Pages of outgoing webhooks. A signing secret is shown once, when it is made.

mod act;
mod callbacks;
mod delivery;
mod form;
mod index;
mod new;
mod show;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), new::routes(), show::routes(), act::routes(), delivery::routes(), callbacks::routes()]
        .into_iter()
        .flatten()
        .collect()
}
