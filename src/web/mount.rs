//! Builds the server's resources from the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};

use super::guard::guard;
use super::route::Route;
use crate::base::{Code, Error};

/// Registers every route, most specific paths first, and answers for what is not in the table.
pub fn mount(config: &mut web::ServiceConfig, routes: &Arc<Vec<Route>>) {
    for (path, places) in sorted(routes) {
        let mut resource = web::resource(path);
        let mut allowed = Vec::new();
        for place in places {
            let table = routes.clone();
            allowed.push(routes[place].method.to_string());
            let route = (routes[place].make)().wrap(from_fn(move |request, next| {
                let table = table.clone();
                async move { guard(&table[place], request, next).await }
            }));
            resource = resource.route(route);
        }
        let allowed = allowed.join(", ");
        config.service(resource.default_service(web::to(move || {
            let allowed = allowed.clone();
            async move {
                let error = Error::new(Code::MethodNotAllowed, format!("this address takes {allowed}"));
                let mut answer = HttpResponse::from_error(error);
                if let Ok(value) = header::HeaderValue::from_str(&allowed) {
                    answer.headers_mut().insert(header::ALLOW, value);
                }
                answer
            }
        })));
    }
    config.default_service(web::to(|| async {
        HttpResponse::from_error(Error::new(Code::NotFound, "there is nothing at this address"))
    }));
}

/// Paths with the places of their routes; fixed segments before named ones, because the server takes the
/// first path that matches.
pub fn sorted(routes: &[Route]) -> Vec<(&'static str, Vec<usize>)> {
    let mut paths: BTreeMap<Vec<(bool, &str)>, (&'static str, Vec<usize>)> = BTreeMap::new();
    for (place, route) in routes.iter().enumerate() {
        let key = route.path.split('/').map(|it| (it.starts_with('{'), it)).collect();
        paths.entry(key).or_insert_with(|| (route.path, Vec::new())).1.push(place);
    }
    paths.into_values().collect()
}
