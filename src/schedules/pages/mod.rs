//! Pages of schedules: the list, the form with what its line would do, and one schedule with its history.

mod act;
mod edit;
mod form;
mod index;
mod show;

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;

use crate::web::Route;

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [index::routes(), edit::routes(), show::routes(), act::routes()].into_iter().flatten().collect()
}

/// `Mon 18 Jan 2027, 09:00 CET`; with seconds where there are some.
fn clock(at: &DateTime<Tz>) -> String {
    let seconds = if at.second() == 0 { "" } else { ":%S" };
    at.format(&format!("%a %-d %b %Y, %H:%M{seconds} %Z")).to_string()
}
