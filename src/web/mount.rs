//! Builds the server's resources from the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};

use super::guard::guard;
use super::route::Route;
use crate::base::{Code, Error};

/// Registers every route, most specific paths first, and answers for what is not in the table. `GET` routes
/// answer `HEAD` too; every address says by `OPTIONS` what it takes.
pub fn mount(config: &mut web::ServiceConfig, routes: &Arc<Vec<Route>>) {
    for (path, places) in sorted(routes) {
        let allowed: Arc<str> = allowed(routes, &places).into();
        let mut resource = web::resource(path);
        for place in places {
            let table = routes.clone();
            let route = (routes[place].make)().wrap(from_fn(move |request, next| {
                let table = table.clone();
                async move { guard(&table[place], request, next).await }
            }));
            resource = resource.route(route);
        }
        config.service(resource.default_service(web::to(move |request: HttpRequest| {
            let allowed = allowed.clone();
            async move { other_method(&request, &allowed) }
        })));
    }
    config.default_service(web::to(|| async {
        HttpResponse::from_error(Error::new(Code::NotFound, "there is nothing at this address"))
    }));
}

/// `GET, HEAD, POST, OPTIONS`.
fn allowed(routes: &[Route], places: &[usize]) -> String {
    let mut methods = Vec::new();
    for place in places {
        methods.push(routes[*place].method.as_str());
        if routes[*place].method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

fn other_method(request: &HttpRequest, allowed: &str) -> HttpResponse {
    let mut answer = if request.method() == Method::OPTIONS {
        HttpResponse::NoContent().finish()
    } else {
        HttpResponse::from_error(Error::new(Code::MethodNotAllowed, format!("this address takes {allowed}")))
    };
    if let Ok(value) = header::HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}

/// Paths with the places of their routes; fixed segments before named ones, because the server takes the
/// first path that matches.
pub fn sorted(routes: &[Route]) -> Vec<(&'static str, Vec<usize>)> {
    let mut places: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for (place, route) in routes.iter().enumerate() {
        places.entry(route.path).or_default().push(place);
    }
    let mut paths: Vec<_> = places.into_iter().collect();
    paths.sort_by_key(|(path, _)| path.split('/').map(|it| (it.contains('{'), it)).collect::<Vec<_>>());
    paths
}
