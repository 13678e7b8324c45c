//! Pages of triggers. An address, and a secret that was made here, are shown once.

mod act;
mod curl;
mod form;
mod index;
mod new;
mod show;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), new::routes(), show::routes(), act::routes()].into_iter().flatten().collect()
}
