//! Pages of credentials. A value goes in and is never shown again, not even in a form that comes back.

mod form;
mod index;
mod inline;
mod new;
mod show;

pub use form::{KindWords, kind_of, words};
pub use inline::Inline;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), new::routes(), show::routes()].into_iter().flatten().collect()
}
