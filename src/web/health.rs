//! Whether the server lives, and whether it can take work.

use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::Reply;
use super::reply::Found;
use super::route::{Limit, Route};
use super::state::WebState;
use crate::base::{Code, Error};

#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
    /// Of the program.
    pub version: &'static str,
}

/// The health routes, for the table.
pub fn health_routes() -> Vec<Route> {
    vec![
        Route::get("/healthz", live)
            .bare()
            .limit(Limit::None)
            .says("Whether the server lives")
            .answers::<Health>(200, "It lives."),
        Route::get("/readyz", ready)
            .bare()
            .limit(Limit::None)
            .says("Whether the server can take work: storage writable, not stopping")
            .answers::<Health>(200, "It takes work.")
            .errs(&[Code::Unavailable]),
    ]
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// `GET /healthz`
async fn live() -> Found<Health> {
    Found(OK)
}

/// `GET /readyz`
async fn ready(state: Data<WebState>) -> Reply<Found<Health>> {
    if state.is_draining() {
        return Err(Error::unavailable("this server is stopping"));
    }
    state.services.store.check_writable()?;
    Ok(Found(OK))
}
