//! How the end of a run is told to the address that it named: a part of the run's page.

use actix_web::HttpRequest;
use askama::Template;
use askama::filters::HtmlSafe;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{Code, ExecutionId, Result, Timestamp};
use crate::web::view::sentence;
use crate::web::{Flash, Framing, Reply, Route, SeeOther, Sent, part, render};
use crate::webhooks::{self, CallbackState, CallbackView};

/// An attempt that is so near is waited for.
const NEAR_MS: u64 = 15_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/executions/{execution}/callback", show)
            .needs(Action::ExecutionsRead)
            .of("execution")
            .says("How the end of a run is told: a part of its page")
            .answers_plain(200, "The part.", HTML),
        Route::post("/executions/{execution}/callback/resend", resend)
            .needs(Action::ExecutionsRetry)
            .of("execution")
            .says("Tells the end of a run once more")
            .answers_plain(303, "Back to the run.", ""),
    ]
}

#[derive(Template)]
#[template(path = "executions/_callback.html")]
pub(super) struct CallbackPart {
    id: String,
    it: CallbackView,
    /// Empty where a sentence says it.
    status: &'static str,
    says: String,
    /// When the part looks again by itself; empty where nothing will change soon.
    looks_again: &'static str,
    /// What its button says; empty where it cannot be sent.
    resend: &'static str,
    csrf_token: String,
    now: Timestamp,
}

impl HtmlSafe for CallbackPart {}

/// `None` where the run named no address.
pub(super) fn callback_part(cx: &Cx, id: ExecutionId) -> Result<Option<CallbackPart>> {
    match webhooks::callback(cx, id) {
        Ok(it) => Ok(Some(part_of(cx, id, it))),
        Err(error) if error.is(Code::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn part_of(cx: &Cx, id: ExecutionId, it: CallbackView) -> CallbackPart {
    let now = cx.now();
    let is_near = it.next_attempt_at.is_some_and(|at| at <= now.plus_ms(NEAR_MS));
    let last = it.error.as_deref().map(sentence).unwrap_or_default();
    CallbackPart {
        id: id.to_string(),
        status: match it.status {
            CallbackState::Waiting | CallbackState::Forgotten => "",
            told => told.name(),
        },
        says: match it.status {
            CallbackState::Waiting => "It is told when the run has ended.".to_owned(),
            CallbackState::Forgotten => "What came of it is no longer kept.".to_owned(),
            CallbackState::Failed => format!("It is not tried any more. {last}"),
            CallbackState::Pending | CallbackState::Delivered => last,
        },
        looks_again: match it.status {
            CallbackState::Waiting => "ended from:#run",
            CallbackState::Pending if is_near => "load delay:1500ms",
            _ => "",
        },
        resend: match it.status {
            _ if !cx.may(Action::ExecutionsRetry) => "",
            CallbackState::Pending => "Send it now",
            CallbackState::Delivered | CallbackState::Failed => "Send it again",
            CallbackState::Waiting | CallbackState::Forgotten => "",
        },
        csrf_token: cx.csrf_token().unwrap_or_default().to_owned(),
        it,
        now,
    }
}

/// `GET /executions/{execution}/callback`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Sent> {
    let id: ExecutionId = part(&request, "execution")?;
    let it = part_of(&cx, id, webhooks::callback(&cx, id)?);
    if framing.is_htmx() {
        return Ok(Sent::Page(render(it)?));
    }
    Ok(SeeOther::to(format!("/executions/{id}#callback")).into())
}

/// `POST /executions/{execution}/callback/resend`
async fn resend(cx: Cx, request: HttpRequest) -> Reply<SeeOther> {
    let id: ExecutionId = part(&request, "execution")?;
    let said = match webhooks::resend_callback(&cx, id).await {
        Ok(_) => Flash::ok("It is on its way, under the same webhook-id."),
        Err(error) if matches!(error.code(), Code::Conflict | Code::ResourceExhausted) => {
            Flash::bad(sentence(error.message()))
        }
        Err(error) => return Err(error),
    };
    Ok(SeeOther::to(format!("/executions/{id}#callback")).saying(said))
}
