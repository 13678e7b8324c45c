//! What every request of the table passes: who calls, may they, is it theirs to send, then its body.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse};
use bytes::Bytes;
use futures_util::FutureExt;

use super::authenticate::{caller_of, check_site, check_token};
use super::extract::RawBody;
use super::idempotency;
use super::route::{Access, Route};
use super::state::WebState;
use super::{body, denials, rate};
use crate::access::Cx;
use crate::base::{Error, Result};

/// Wraps one route. Always answers: what goes wrong, a panic too, becomes the answer's error.
pub(super) async fn guard<B: MessageBody + 'static>(
    route: &Route,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let admitted = match request.app_data::<Data<WebState>>().cloned() {
        Some(state) => admit(route, &mut request, &state).await,
        None => Err(Error::internal("find the web state", "not registered")),
    };
    let caller = match admitted {
        Ok(caller) => caller,
        Err(error) => return Ok(refused(request, error)),
    };
    let (caller, idempotent) = match idempotency::begin(route, &request, caller) {
        Ok(idempotency::Begun::Replay(answer)) => return Ok(answered(request, answer)),
        Ok(idempotency::Begun::Go { caller, pending }) => {
            if let Some(cx) = &caller {
                request.extensions_mut().insert(cx.clone());
            }
            (caller, pending)
        }
        Err(error) => return Ok(refused(request, error)),
    };
    let kept = request.request().clone();
    let answer = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await;
    let response = match answer {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => ServiceResponse::new(kept, HttpResponse::from_error(error)),
        Err(panic) => {
            let error = Error::internal("answer a request", panic_text(panic.as_ref()));
            ServiceResponse::new(kept, HttpResponse::from_error(error))
        }
    };
    denials::note_if_one(route, caller.as_ref(), &response).await;
    match idempotent {
        Some(pending) => Ok(idempotency::finish(route, pending, response).await),
        None => Ok(response),
    }
}

/// Everything that comes before the handler. When it returns, the body is in the request's extensions.
async fn admit(route: &Route, request: &mut ServiceRequest, state: &WebState) -> Result<Option<Cx>> {
    if state.is_draining() && !route.method.is_safe() {
        return Err(Error::unavailable("this server is stopping; try again in a moment"));
    }
    let caller = match caller_of(route, request, state).await {
        Ok(caller) => caller,
        Err(error) => {
            rate::count(route, request, state, None)?;
            return Err(error);
        }
    };
    rate::count(route, request, state, caller.as_ref())?;
    if let Some(cx) = &caller {
        // The page of a refusal shows who is refused.
        request.extensions_mut().insert(cx.clone());
    }
    let body = match check(route, request, state, caller.as_ref()).await {
        Err(error) => return Err(denials::noted(route, caller.as_ref(), error).await),
        Ok(body) => body,
    };
    request.extensions_mut().insert(RawBody(body));
    Ok(caller)
}

/// Whether the caller may, and whether the request is their own. Answers its body.
async fn check(
    route: &Route,
    request: &mut ServiceRequest,
    state: &WebState,
    caller: Option<&Cx>,
) -> Result<Bytes> {
    if let Some(cx) = caller {
        allow(route.access, cx)?;
    }
    check_site(route, request, state)?;
    let body = body::read(route, request, state).await?;
    check_token(route, request, caller, &body)?;
    Ok(body)
}

pub(super) fn allow(access: Access, cx: &Cx) -> Result<()> {
    match access {
        Access::Open | Access::Member => Ok(()),
        Access::Needs(action) => cx.require(action),
        Access::Superadmin if cx.is_superadmin() => Ok(()),
        Access::Superadmin => Err(Error::forbidden("this is for those who run the appliance")),
    }
}

fn refused(request: ServiceRequest, error: Error) -> ServiceResponse<BoxBody> {
    answered(request, HttpResponse::from_error(error))
}

/// Not `ServiceRequest::into_response`, which forgets the error that an answer carries.
fn answered(request: ServiceRequest, answer: HttpResponse) -> ServiceResponse<BoxBody> {
    ServiceResponse::new(request.into_parts().0, answer)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the handler panicked: {}", text.unwrap_or_default())
}
