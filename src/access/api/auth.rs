//! Getting in and out: setup, registration, log-in, refresh, log-out, passwords.

use actix_web::HttpRequest;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{self, Cx, Opened};
use crate::access::{
    LoginRequest, PasswordChange, RefreshRequest, RegisterRequest, Registered, ResetConfirm, ResetRequest,
    SetupRequest, SwitchRequest, TokenPair,
};
use crate::base::{Code, Error};
use crate::web::{Accepted, Body, Created, Found, Limit, NoContent, Reply, Route, WebState, origin_of};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/setup", setup)
            .open()
            .limit(Limit::Login)
            .says("Makes the first owner and organization, with the one-time setup token that the server printed. From the machine itself only.")
            .takes::<SetupRequest>()
            .answers::<Registered>(201, "The owner and the organization.")
            .errs(&[Code::Conflict, Code::Unauthenticated, Code::InsufficientPermissions]),
        Route::post("/api/auth/register", register)
            .open()
            .limit(Limit::Login)
            .says("Takes up an invitation, or, where the server allows it, opens a new organization with its owner.")
            .takes::<RegisterRequest>()
            .answers::<Registered>(201, "The person and the organization.")
            .errs(&[
                Code::Conflict,
                Code::NotFound,
                Code::Unauthenticated,
                Code::InsufficientPermissions,
                Code::OrganizationLimitExceeded,
            ]),
        Route::post("/api/auth/login", login)
            .open()
            .limit(Limit::Login)
            .says("Logs in: a short-lived access token and a refresh token.")
            .takes::<LoginRequest>()
            .shows_secret_once()
            .answers::<TokenPair>(200, "The tokens.")
            .errs(&[Code::Unauthenticated]),
        Route::post("/api/auth/refresh-token", refresh)
            .open()
            .limit(Limit::Login)
            .says("A new pair of tokens for a refresh token, which is good once. One that comes twice ends its session.")
            .takes::<RefreshRequest>()
            .shows_secret_once()
            .answers::<TokenPair>(200, "The tokens.")
            .errs(&[Code::Unauthenticated]),
        Route::post("/api/auth/logout", logout)
            .member()
            .says("Ends the session of this call.")
            .answers_plain(204, "Ended.", "")
            .errs(&[Code::Conflict]),
        Route::post("/api/auth/switch-organization", switch)
            .member()
            .says("Goes to another organization of the caller's: new tokens, the earlier ones end.")
            .takes::<SwitchRequest>()
            .shows_secret_once()
            .answers::<TokenPair>(200, "The tokens.")
            .errs(&[Code::Conflict, Code::NotFound]),
        Route::post("/api/auth/password-reset", ask_reset)
            .open()
            .limit(Limit::Login)
            .says("Asks for a new password. The answer is the same whether the address has an account or not; an administrator sees the request in the audit log and hands over a one-time link.")
            .takes::<ResetRequest>()
            .answers::<Notice>(202, "Noted, if there is such an account."),
        Route::post("/api/auth/password-reset/confirm", confirm_reset)
            .open()
            .limit(Limit::Login)
            .says("Sets a new password with the token of a one-time link. All sessions of the person end.")
            .takes::<ResetConfirm>()
            .answers_plain(204, "Set.", "")
            .errs(&[Code::NotFound, Code::Unauthenticated]),
        Route::post("/api/users/me/password", change_password)
            .needs(access::Action::ProfileWrite)
            .limit(Limit::Login)
            .says("Sets another password. All sessions of the person end; the caller gets new tokens.")
            .takes::<PasswordChange>()
            .shows_secret_once()
            .answers::<TokenPair>(200, "The tokens.")
            .errs(&[Code::Conflict]),
    ]
}

#[derive(Serialize, JsonSchema)]
struct Notice {
    message: &'static str,
}

/// `POST /api/setup`
async fn setup(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<SetupRequest>,
) -> Reply<Created<Registered>> {
    let origin = origin_of(&request, &state);
    let made = access::setup(&state.services, &origin, body.0, true).await?;
    Ok(Created { location: "/api/users/me".to_owned(), body: made })
}

/// `POST /api/auth/register`
async fn register(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<RegisterRequest>,
) -> Reply<Created<Registered>> {
    let origin = origin_of(&request, &state);
    let made = access::accept(&state.services, &origin, body.0).await?;
    Ok(Created { location: "/api/users/me".to_owned(), body: made })
}

/// `POST /api/auth/login`
async fn login(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<LoginRequest>,
) -> Reply<Found<TokenPair>> {
    let origin = origin_of(&request, &state);
    Ok(Found(access::log_in(&state.services, &origin, body.0).await?))
}

/// `POST /api/auth/refresh-token`
async fn refresh(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<RefreshRequest>,
) -> Reply<Found<TokenPair>> {
    let origin = origin_of(&request, &state);
    Ok(Found(access::refresh(&state.services, &origin, body.0).await?))
}

/// `POST /api/auth/logout`
async fn logout(cx: Cx) -> Reply<NoContent> {
    access::log_out(&cx).await?;
    Ok(NoContent)
}

/// `POST /api/auth/switch-organization`
async fn switch(cx: Cx, body: Body<SwitchRequest>) -> Reply<Found<TokenPair>> {
    tokens(access::switch_org(&cx, body.0).await?)
}

/// `POST /api/auth/password-reset`
async fn ask_reset(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<ResetRequest>,
) -> Reply<Accepted<Notice>> {
    let origin = origin_of(&request, &state);
    access::request_reset(&state.services, &origin, body.0).await?;
    let message = "if this address has an account here, an administrator of its organization sees the request and can hand over a link";
    Ok(Accepted { location: "/api/auth/password-reset/confirm".to_owned(), body: Notice { message } })
}

/// `POST /api/auth/password-reset/confirm`
async fn confirm_reset(
    request: HttpRequest,
    state: Data<WebState>,
    body: Body<ResetConfirm>,
) -> Reply<NoContent> {
    let origin = origin_of(&request, &state);
    access::confirm_reset(&state.services, &origin, body.0).await?;
    Ok(NoContent)
}

/// `POST /api/users/me/password`
async fn change_password(cx: Cx, body: Body<PasswordChange>) -> Reply<Found<TokenPair>> {
    tokens(access::change_password(&cx, body.0).await?)
}

fn tokens(opened: Opened) -> Reply<Found<TokenPair>> {
    match opened {
        Opened::Tokens(pair) => Ok(Found(pair)),
        Opened::Browser(_) => Err(Error::internal("answer tokens", "the session is a browser's")),
    }
}
