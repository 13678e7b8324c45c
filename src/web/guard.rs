//! What every request of the table passes: who calls, may they, is it theirs to send, then its body.

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::extract::RawBody;
use super::route::{Access, Kind, Route};
use super::state::WebState;
use crate::access::Cx;
use crate::base::{Code, Error, Result};

/// Wraps one route.
pub(super) async fn guard<B: MessageBody + 'static>(
    route: &Route,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let Some(state) = request.app_data::<actix_web::web::Data<WebState>>().cloned() else {
        return Err(Error::internal("find the web state", "not registered").into());
    };
    let caller = caller_of(route, &request, &state)?;
    if let Some(cx) = &caller {
        allow(route.access, cx)?;
    }
    let body = read_body(route, &mut request, &state).await?;
    request.extensions_mut().insert(RawBody(body));
    if let Some(cx) = caller {
        request.extensions_mut().insert(cx);
    }
    next.call(request).await
}

/// Errors: `Unauthenticated` where the route needs a caller and there is none.
fn caller_of(route: &Route, _request: &ServiceRequest, _state: &WebState) -> Result<Option<Cx>> {
    match (route.access, route.kind) {
        (Access::Open, _) | (_, Kind::Bare) => Ok(None),
        _ => Err(Error::unauthenticated("log in, or send a token")),
    }
}

fn allow(access: Access, cx: &Cx) -> Result<()> {
    match access {
        Access::Open | Access::Member => Ok(()),
        Access::Needs(action) => cx.require(action),
        Access::Superadmin if cx.is_superadmin() => Ok(()),
        Access::Superadmin => Err(Error::forbidden("this is for those who run the appliance")),
    }
}

async fn read_body(route: &Route, request: &mut ServiceRequest, state: &WebState) -> Result<Bytes> {
    let limit = route.max_body_bytes.unwrap_or(state.services.config.limits.body_bytes);
    let too_large = || {
        Error::new(Code::PayloadTooLarge, format!("a body has at most {limit} bytes here"))
            .detail("limit_bytes", limit)
    };
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|it| it != "identity") {
        return Err(Error::new(Code::UnsupportedMediaType, "send the body without a content encoding"));
    }
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|it| it > limit) {
        return Err(too_large());
    }
    let mut payload = request.take_payload();
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|it| Error::invalid(format!("the body could not be read: {it}")))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
