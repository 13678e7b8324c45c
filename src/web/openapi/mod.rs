//! The OpenAPI 3.1 document, made from the table of routes: what is served is described, and nothing else.

mod operation;
mod parameters;
mod sample;
mod schemas;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use self::operation::tag_of;
pub(crate) use self::sample::sample;
use self::schemas::Schemas;
use super::STATIC_ROUTE;
use super::failure::Envelope;
use super::mount::sorted;
use super::reply::tagged;
use super::route::{Kind, Route};
use super::state::WebState;

/// The document's own route, for the table.
pub fn openapi_routes() -> Vec<Route> {
    vec![
        Route::get("/api/openapi.json", openapi)
            .open()
            .says("This interface as an OpenAPI 3.1 document")
            .answers::<Map<String, Value>>(200, "The document."),
    ]
}

/// `GET /api/openapi.json`
async fn openapi(request: HttpRequest, state: Data<WebState>) -> HttpResponse {
    let (text, tag) = state.document();
    tagged(&request, text.clone(), tag)
}

/// Whether the route is part of the interface for programs.
pub fn is_described(route: &Route) -> bool {
    route.kind != Kind::Page && route.path != STATIC_ROUTE
}

/// Describes every route for programs. `server` is where the server is reached, without a trailing slash.
pub fn document(routes: &[Route], server: &str) -> Value {
    let mut schemas = Schemas::new();
    schemas.answer(|it| it.subschema_for::<Envelope>());
    let mut paths = Map::new();
    let mut tags = std::collections::BTreeSet::new();
    for (path, places) in sorted(routes) {
        let described = places.iter().map(|it| &routes[*it]).filter(|it| is_described(it));
        let operations: Map<String, Value> = described
            .map(|route| {
                tags.insert(tag_of(route));
                (route.method.as_str().to_ascii_lowercase(), operation::describe(route, routes, &mut schemas))
            })
            .collect();
        if !operations.is_empty() {
            paths.insert(parameters::plain_path(path), Value::Object(operations));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Reeve",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{"url": server}],
        "tags": tags.iter().map(|it| json!({"name": it})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "parameters": parameters::common(),
            "headers": operation::common_headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "An access token of a log-in, or an API key."
                },
                "api_key": {
                    "type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "An API key."
                }
            }
        }
    });
    let components = schemas.finish(&mut document);
    document["components"]["schemas"] = Value::Object(components);
    operation::add_examples(&mut document);
    document
}

const ABOUT: &str = "Everything that can be done on the pages can be done here. Times are RFC 3339 in UTC, durations \
    are milliseconds (`_ms`), money is in millionths (`_micros`). Unknown fields are refused. Every error has \
    the shape of `Envelope`, and its `code` never changes. A request that cannot be read as HTTP at all is answered \
    with `400` or `431`, without a body.";
