//! Looking at webhooks and at what was sent.

use super::super::delivery::{Delivery, State};
use super::super::store::{self, BY_WEBHOOK, BY_WEBHOOK_STATE, state_key};
use super::super::types::{Health, Webhook};
use super::super::view::{DeliveryDetail, DeliveryView, WebhookView};
use crate::access::{Action, Cx};
use crate::base::{DeliveryId, Page, PageRequest, Result, WebhookId};
use crate::infra::store::{Key, Order, PerOrg, Rows};

/// Newest first.
pub fn list(cx: &Cx, page: &PageRequest) -> Result<Page<WebhookView>> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    let (found, next) = rows.page::<Webhook>(0, Key::new(), Order::Newest, page, |_| true)?;
    let views = found.into_iter().map(|it| view(cx, &rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// Errors: `NotFound`.
pub fn find(cx: &Cx, id: WebhookId) -> Result<WebhookView> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    view(cx, &rows, store::find(&rows, id)?)
}

pub(super) fn view(cx: &Cx, rows: &impl Rows<PerOrg>, webhook: Webhook) -> Result<WebhookView> {
    let health = rows.get::<Health>(webhook.id)?;
    Ok(WebhookView::of(webhook, health, cx.now()))
}

#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    pub state: Option<State>,
}

/// What was and will be sent to one endpoint, newest first.
///
/// Errors: `NotFound`.
pub fn deliveries(
    cx: &Cx,
    id: WebhookId,
    filter: DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<DeliveryView>> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    store::find(&rows, id)?;
    let (index, prefix) = match filter.state {
        None => (BY_WEBHOOK, Key::of(id)),
        Some(state) => (BY_WEBHOOK_STATE, state_key(id, state)),
    };
    let (found, next) = rows.page::<Delivery>(index, prefix, Order::Newest, page, |_| true)?;
    Ok(Page::new(found.into_iter().map(|it| DeliveryView::of(id, it)).collect(), next))
}

/// One delivery with the message as it is sent.
///
/// Errors: `NotFound`.
pub fn delivery(cx: &Cx, webhook: WebhookId, id: DeliveryId) -> Result<DeliveryDetail> {
    cx.require(Action::WebhooksRead)?;
    let rows = cx.read()?;
    let delivery = store::delivery(&rows, webhook, id)?;
    let event = store::event(&rows, delivery.event_id)?;
    Ok(DeliveryDetail { delivery: DeliveryView::of(webhook, delivery), body: event.body })
}
