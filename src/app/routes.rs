//! Every route there is, a line per feature.

use crate::web::{self, Route};
use crate::{
    access, agents, audit, budgets, connections, executions, insights, metering, retention, schedules, stops,
    triggers, webhooks, workflows,
};

/// The whole table.
pub fn routes() -> Vec<Route> {
    let features: Vec<Vec<Route>> = vec![
        web::health_routes(),
        web::asset_routes(),
        web::openapi_routes(),
        web::developer_routes(),
        web::page_routes(),
        access::api::routes(),
        access::pages::routes(),
        audit::api::routes(),
        audit::pages::routes(),
        agents::api::routes(),
        agents::pages::routes(),
        stops::api::routes(),
        stops::pages::routes(),
        budgets::api::routes(),
        budgets::pages::routes(),
        executions::api::routes(),
        executions::pages::routes(),
        retention::api::routes(),
        retention::pages::routes(),
        schedules::api::routes(),
        schedules::pages::routes(),
        workflows::api::routes(),
        workflows::pages::routes(),
        insights::api::routes(),
        insights::pages::routes(),
        connections::api::routes(),
        connections::pages::routes(),
        triggers::api::routes(),
        triggers::hooks::routes(),
        triggers::pages::routes(),
        webhooks::api::routes(),
        webhooks::pages::routes(),
        metering::api::routes(),
        metering::pages::routes(),
    ];
    features.into_iter().flatten().collect()
}
