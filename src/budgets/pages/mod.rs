//! Pages of budgets: how they stand, who used them, and what can be changed.

mod act;
mod bar;
mod form;
mod index;
mod new;
mod show;
mod words;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), new::routes(), show::routes(), act::routes()].into_iter().flatten().collect()
}
