//! What has ended is taken away, so that rows do not pile up.

use std::sync::Arc;

use crate::access::services::Services;
use crate::access::store::{InvitationRef, InvitationRow, ResetRow, SessionRow, end_session};
use crate::base::{Result, Timestamp};
use crate::infra::store::{Key, Order, Rows, WriteTx};

/// Removes sessions, invitations and reset links whose time is over; answers how many. Meant for once an hour.
pub async fn sweep(services: &Arc<Services>) -> Result<usize> {
    let now = services.env.now();
    services
        .store
        .write(move |tx| Ok(sweep_sessions(tx, now)? + sweep_resets(tx, now)? + sweep_invitations(tx, now)?))
        .await
}

fn sweep_sessions(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<usize> {
    let mut over = Vec::new();
    tx.appliance().scan::<SessionRow>(Key::new(), Order::Oldest, |it| {
        over.extend((now >= it.expires_at).then_some(it.id));
        Ok(true)
    })?;
    for id in &over {
        end_session(&mut tx.appliance(), *id)?;
    }
    Ok(over.len())
}

fn sweep_resets(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<usize> {
    let all = tx.appliance().all::<ResetRow>(Key::new(), Order::Oldest)?;
    let over: Vec<_> = all.iter().filter(|it| now >= it.expires_at).collect();
    for row in &over {
        tx.appliance().delete::<ResetRow>(Key::new().bytes(&row.hash))?;
    }
    Ok(over.len())
}

fn sweep_invitations(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<usize> {
    let mut count = 0;
    for place in tx.appliance().all::<InvitationRef>(Key::new(), Order::Oldest)? {
        let row = tx.org(place.org_id).get::<InvitationRow>(place.invitation_id)?;
        if row.is_none_or(|it| now >= it.expires_at) {
            tx.org(place.org_id).delete::<InvitationRow>(place.invitation_id)?;
            tx.appliance().delete::<InvitationRef>(Key::new().bytes(&place.hash))?;
            count += 1;
        }
    }
    Ok(count)
}
