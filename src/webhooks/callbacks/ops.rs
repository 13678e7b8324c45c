//! What can be done with callbacks. Each op checks the caller and owns its transaction.

use super::room::{Waiting, check_room};
use super::secret::Signing;
use super::view::{CallbackSigning, CallbackView, NewCallbackSecret};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Error, ExecutionId, Page, PageRequest, Result};
use crate::executions::{self, Execution};
use crate::infra::store::{Key, Order, PerOrg, Rows};
use crate::webhooks::delivery::{Delivery, State};
use crate::webhooks::gate::Gates;
use crate::webhooks::store::{self, BY_CALLBACK, BY_CALLBACK_STATE};
use crate::webhooks::types::{DEFAULT_OVERLAP_MS, MAX_OVERLAP_MS, Rotation};
use crate::webhooks::{listen, secrets};

/// How the end of a run is told to the address that the run named.
///
/// Errors: `NotFound` for a run that the caller may not see, and for one that named no address.
pub fn callback(cx: &Cx, run: ExecutionId) -> Result<CallbackView> {
    let execution = found(cx, run)?;
    let rows = cx.read()?;
    let Some(address) = &execution.callback_url else { return Err(unnamed(run)) };
    let view = match latest(&rows, run)? {
        Some(delivery) => CallbackView::of(run, delivery),
        None => CallbackView::untold(run, address, execution.status.has_ended()),
    };
    Ok(seen(cx, view))
}

/// Sends the end of a run once more under its own `webhook-id`; one that waits is sent at once.
///
/// Errors: `NotFound` as `callback`; `Conflict` before the run's end, while it is being sent, and where the message is
/// no longer kept; `ResourceExhausted` where as many callbacks wait as may.
pub async fn resend_callback(cx: &Cx, run: ExecutionId) -> Result<CallbackView> {
    cx.require(Action::ExecutionsRetry)?;
    let execution = found(cx, run)?;
    if execution.callback_url.is_none() {
        return Err(unnamed(run));
    }
    let caller = cx.clone();
    let sent = cx
        .write(move |tx| {
            let first = latest(tx, run)?.ok_or_else(|| untold(&execution))?;
            if caller.services().kept.get::<Gates>().is_under_way(first.id) {
                return Err(Error::conflict("this callback is being sent right now"));
            }
            let event = store::event(tx, first.event_id)?;
            let now = caller.now();
            let next = match first.state {
                State::Pending => Delivery { next_attempt_at: Some(now), ..first },
                _ => {
                    check_room(tx, caller.services().config.limits.callbacks_waiting)?;
                    let next = listen::new_callback(caller.id(), &event, first.callback_url, now);
                    Waiting::came(tx, next.body_bytes)?;
                    Delivery { resend_of: Some(first.id), ..next }
                }
            };
            listen::put(tx, &next, now)?;
            let note = Note::of("callback.resend", "execution", run);
            caller.note(tx, note.with("delivery_id", next.id.to_string()))?;
            Ok(next)
        })
        .await?;
    Ok(seen(cx, CallbackView::of(run, sent)))
}

#[derive(Debug, Clone, Copy, Default)]
pub struct CallbackFilter {
    pub state: Option<State>,
}

/// Callbacks of the organization, newest first.
pub fn callbacks(cx: &Cx, filter: CallbackFilter, page: &PageRequest) -> Result<Page<CallbackView>> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    let (index, prefix) = match filter.state {
        None => (BY_CALLBACK, Key::new()),
        Some(state) => (BY_CALLBACK_STATE, Key::new().byte(state as u8)),
    };
    let (found, next) = rows.page::<Delivery>(index, prefix, Order::Newest, page, |_| true)?;
    let views = found.into_iter().filter_map(|it| it.execution_id.map(|run| CallbackView::of(run, it)));
    Ok(Page::new(views.collect(), next))
}

/// What signs the callbacks of the organization.
pub fn signing(cx: &Cx) -> Result<CallbackSigning> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    let signing = rows.get::<Signing>(Signing::only())?;
    Ok(CallbackSigning::of(signing.as_ref(), Waiting::of(&rows)?.count, cx.now()))
}

/// A new secret signs all callbacks from now on; the old one signs too, until the overlap is over. The answer holds
/// a secret that was made, this once.
///
/// Errors: `ValidationFailed`, `Unavailable` while sealed.
pub async fn rotate_signing(cx: &Cx, rotation: Rotation) -> Result<NewCallbackSecret> {
    cx.require(Action::WebhooksWrite)?;
    let overlap_ms = rotation.overlap_ms.unwrap_or(DEFAULT_OVERLAP_MS);
    if overlap_ms > MAX_OVERLAP_MS {
        return Err(Error::invalid_at("/overlap_ms", format!("is 0 to {MAX_OVERLAP_MS}")));
    }
    let (secret, is_new) = secrets::given_or_new(cx, rotation.secret)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let (services, now) = (caller.services(), caller.now());
        let signing = match tx.get::<Signing>(Signing::only())? {
            None => Signing::first(services, tx, &secret, now)?,
            Some(mut known) => {
                let of = Signing::of(caller.org());
                known.secrets.rotate(&services.vault, tx, of, &secret, (now, overlap_ms))?;
                Signing { revision: known.revision + 1, ..known }
            }
        };
        tx.put(&signing)?;
        let note = Note::of("callback.rotate", "org", caller.org())
            .with("version", signing.secrets.version())
            .with("overlap_ms", overlap_ms);
        caller.note(tx, note)?;
        let view = CallbackSigning::of(Some(&signing), Waiting::of(tx)?.count, now);
        Ok(NewCallbackSecret::of(view, &secret, is_new))
    })
    .await
}

/// The run, where the caller may see it.
fn found(cx: &Cx, run: ExecutionId) -> Result<Execution> {
    executions::find(cx, run)?;
    cx.read()?.get(run)?.ok_or_else(|| Error::not_found("execution", run))
}

fn latest(rows: &impl Rows<PerOrg>, run: ExecutionId) -> Result<Option<Delivery>> {
    let mut latest = None;
    rows.scan_index::<Delivery>(BY_CALLBACK, Key::of(run), Order::Newest, |it| {
        latest = Some(it);
        Ok(false)
    })?;
    Ok(latest)
}

fn seen(cx: &Cx, view: CallbackView) -> CallbackView {
    if cx.may(Action::WebhooksRead) { view } else { view.without_address() }
}

fn unnamed(run: ExecutionId) -> Error {
    Error::new(crate::base::Code::NotFound, format!("run {run} named no callback_url"))
}

fn untold(execution: &Execution) -> Error {
    if execution.status.has_ended() {
        return Error::conflict("the message is no longer kept").suggest("ask for the run itself");
    }
    Error::conflict("this run has not ended yet").suggest("wait for its end")
}
