//! Pages of credentials. A value goes in and is never shown again, not even in a form that comes back.

mod form;
mod index;
mod new;
mod show;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), new::routes(), show::routes()].into_iter().flatten().collect()
}
