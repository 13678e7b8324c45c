//! The kill switch of one agent.

use super::super::view::AgentView;
use super::{WRITE, changing, view};
use crate::access::Cx;
use crate::base::Result;
use crate::stops::{self, NewStop, StopReport};

/// No run of it begins until it is resumed, and what runs is cancelled.
///
/// Errors: as `find`; `InsufficientPermissions` without the right `write`; `ValidationFailed` without a reason.
pub async fn stop(cx: &Cx, id_or_slug: &str, new: NewStop) -> Result<StopReport> {
    let agent = changing(cx, &cx.read()?, id_or_slug, WRITE, None)?;
    stops::stop_agent(cx, agent.id, new).await
}

/// Lifts its stop; what waited begins. Errors: as `stop`.
pub async fn resume(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    let agent = changing(cx, &cx.read()?, id_or_slug, WRITE, None)?;
    stops::lift_agent(cx, agent.id).await?;
    view(cx, id_or_slug)
}
