//! The public address: others call it, in their own way of signing.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::fire::{self, About, Fired, Message, gone};
use super::hit::Outcome;
use super::incoming::{Headers, Incoming};
use super::scheme::{Preset, Refused, Verified};
use super::seen::Mark;
use super::types::{AnswerMode, Hook, Trigger};
use super::{secrets, store};
use crate::access::{Cx, Services};
use crate::base::{Code, Error, ExecutionId, Json, OrgId, Result, TriggerId};
use crate::engine::Status;
use crate::executions::{self, ExecutionView, TriggerKind, error_of};
use crate::infra::Secret;
use crate::infra::limits::{Limiter, Rate};
use crate::infra::store::Rows;
use crate::infra::token::{TokenKind, hash_of};
use crate::web::{Raw, Reply, Route, WebState, client_address, text_part};

const CALLS_PER_MINUTE: u32 = 3_000;
const MAX_RATED: usize = 10_000;
const MAX_ID_CHARS: usize = 200;

pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/hooks/{token}", receive)
            .bare()
            .says("Start a run from elsewhere: the trigger at this address says how the call is signed and mapped")
            .answers::<HookAnswer>(202, "The run is accepted, and survives a crash")
            .answers::<HookAnswer>(200, "The finished run, where the trigger waits for it; or nothing was started")
            .errs(&[
                Code::Unauthenticated,
                Code::NotFound,
                Code::ValidationFailed,
                Code::InvalidInput,
                Code::VersionConflict,
                Code::Stopped,
                Code::ResourceExhausted,
                Code::ExecutionFailed,
                Code::ExecutionTimeout,
            ]),
    ]
}

#[derive(Serialize, JsonSchema)]
struct HookAnswer {
    outcome: Outcome,
    execution_id: Option<ExecutionId>,
    /// Of the run, where the trigger waits for its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Json>,
}

/// How often each trigger was called lately.
struct Calls(Limiter<TriggerId>);

impl Default for Calls {
    fn default() -> Self {
        Self(Limiter::new(Rate::per_minute(CALLS_PER_MINUTE), MAX_RATED))
    }
}

/// A trigger that was called.
struct Called {
    services: std::sync::Arc<Services>,
    org: OrgId,
    trigger: Trigger,
    hook: Hook,
    incoming: Incoming,
    about: About,
}

/// `POST /hooks/{token}`
async fn receive(state: Data<WebState>, request: HttpRequest, body: Raw) -> Reply<HttpResponse> {
    let incoming = incoming(&request, &state, body);
    let mut called = called(&state, text_part(&request, "token")?, incoming)?;
    let verified = match called.check().await? {
        Ok(verified) => verified,
        Err(Refused(why)) => {
            called.refuse(&why).await?;
            return Err(Error::unauthenticated(why));
        }
    };
    called.about.delivery_id =
        verified.delivery_id.as_ref().map(|it| it.chars().take(MAX_ID_CHARS).collect());
    let body = match called.incoming.body_json() {
        Ok(body) => body,
        Err(why) => {
            called.refuse(&why).await?;
            return Err(Error::invalid(why));
        }
    };
    if let Some((reason, answer)) = greeting(&called.hook, &called.incoming, &body) {
        called.note(reason).await?;
        return Ok(answer);
    }
    called.fire(&verified, body).await
}

fn incoming(request: &HttpRequest, state: &WebState, body: Raw) -> Incoming {
    let text =
        |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
    Incoming {
        headers: Headers::of(request.headers().iter().filter_map(text).collect()),
        query: request.query_string().to_owned(),
        body: body.0,
        address: client_address(request, state).map(|it| it.to_string()),
    }
}

/// Errors: `NotFound`, the same for an address that is nobody's and one whose trigger is gone; `RateLimited`.
fn called(state: &WebState, token: &str, incoming: Incoming) -> Result<Called> {
    let services = state.services.clone();
    let hash = hash_of(TokenKind::Hook, token).ok_or_else(gone)?;
    let address = store::address(&services.store.appliance()?, &hash)?.ok_or_else(gone)?;
    let trigger: Trigger = services.store.org(address.org)?.get(address.trigger)?.ok_or_else(gone)?;
    let hook = trigger.hook.clone().filter(|it| it.token == hash.bytes()).ok_or_else(gone)?;
    services.kept.get::<Calls>().0.check(&trigger.id).require()?;
    let about = About {
        delivery_id: None,
        bytes: incoming.body.len() as u64,
        content_type: incoming.headers.get("content-type").map(|it| it.chars().take(100).collect()),
        address: incoming.address.clone(),
    };
    Ok(Called { services, org: address.org, trigger, hook, incoming, about })
}

impl Called {
    /// Whether it may come in. A trigger that is switched off answers as if it were not there.
    async fn check(&self) -> Result<std::result::Result<Verified, Refused>> {
        if !self.trigger.enabled {
            self.refuse("the trigger is switched off").await?;
            return Err(gone());
        }
        let now = self.services.env.now();
        let verify = |secret: &Secret| {
            let Incoming { headers, body, .. } = &self.incoming;
            self.hook.scheme.verify(headers, body, secret, now, self.hook.tolerance_ms)
        };
        let Some(kept) = &self.hook.secrets else {
            return Ok(match self.hook.scheme.is_signed() {
                true => Err(Refused("this trigger has no secret".to_owned())),
                false => verify(&Secret::new("")),
            });
        };
        let rows = self.services.store.org(self.org)?;
        let of = (self.org, secrets::of(self.trigger.id));
        let open = kept.open(&self.services.vault, &rows, of, now)?;
        let mut verdict = Err(Refused("this trigger has no secret".to_owned()));
        // The last one is the older secret; its reason says no less.
        for secret in &open {
            verdict = verify(secret);
            if verdict.is_ok() {
                break;
            }
        }
        Ok(verdict)
    }

    async fn refuse(&self, why: &str) -> Result<()> {
        fire::refuse(&self.services, self.org, self.trigger.id, self.about.clone(), why).await
    }

    async fn note(&self, reason: &str) -> Result<()> {
        let (about, reason) = (self.about.clone(), Some(reason.to_owned()));
        fire::note(&self.services, self.org, self.trigger.id, about, Outcome::Filtered, reason).await
    }

    async fn fire(self, verified: &Verified, body: Json) -> Reply<HttpResponse> {
        let Called { services, org, trigger, hook, incoming, about } = self;
        let rules = trigger.rules.clone();
        let mut marks = Vec::new();
        if rules.dedupe_ms > 0 {
            marks.extend(verified.delivery_id.as_deref().map(Mark::of_id));
            // What the signature does not cover may have been changed by whoever sends it again.
            if !verified.id_is_signed {
                marks.push(Mark::of_body(&incoming.query, &incoming.body));
            }
        }
        let scope = incoming.scope(&hook.scheme, &body);
        let message = Message { trigger, kind: TriggerKind::Hook, about, marks, scope, plain: body };
        let (outcome, id, ended) = match fire::fire(&services, org, message).await? {
            Fired::Filtered => {
                let answer =
                    HookAnswer { outcome: Outcome::Filtered, execution_id: None, status: None, output: None };
                return Ok(HttpResponse::Ok().json(answer));
            }
            Fired::Started(started) if rules.answer == AnswerMode::Wait => {
                let id = started.id;
                (Outcome::Accepted, id, Some(started.wait().await?))
            }
            Fired::Started(started) => (Outcome::Accepted, started.id, None),
            Fired::Again(id) if rules.answer == AnswerMode::Wait => {
                let cx = Cx::system(&services, org, "triggers");
                (Outcome::Deduplicated, id, executions::find(&cx, id).ok())
            }
            Fired::Again(id) => (Outcome::Deduplicated, id, None),
        };
        answer(outcome, id, ended)
    }
}

/// `202` with the run's id; where its end was waited for, `200` with its output, or its error.
fn answer(outcome: Outcome, id: ExecutionId, run: Option<ExecutionView>) -> Reply<HttpResponse> {
    let ended = run.filter(|it| it.status.has_ended());
    if let Some(error) = ended.as_ref().and_then(error_of) {
        return Err(error);
    }
    let mut builder = if ended.is_some() { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    let (status, output) = ended.map_or((None, None), |it| (Some(it.status), it.output));
    Ok(builder.json(HookAnswer { outcome, execution_id: Some(id), status, output }))
}

/// What senders ask when they are set up, and what they want to hear.
fn greeting(hook: &Hook, incoming: &Incoming, body: &Json) -> Option<(&'static str, HttpResponse)> {
    match hook.scheme.preset {
        Preset::Slack => {
            let asked: Value = body.to_value();
            let challenge = asked.get("challenge")?.as_str()?;
            let asks = asked.get("type").and_then(Value::as_str) == Some("url_verification");
            asks.then(|| {
                let answer =
                    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(challenge.to_owned());
                ("Slack asked whether this address is ours", answer)
            })
        }
        Preset::Github if incoming.headers.get("x-github-event") == Some("ping") => {
            let answer =
                HookAnswer { outcome: Outcome::Filtered, execution_id: None, status: None, output: None };
            Some(("GitHub asked whether somebody is there", HttpResponse::Ok().json(answer)))
        }
        _ => None,
    }
}
