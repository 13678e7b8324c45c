//! Reads who has budgets; `app` calls it at start.

use std::sync::Arc;

use super::register::Register;
use super::store::{self, Reservation};
use crate::access::{self, Services};
use crate::base::Result;
use crate::infra::store::{Key, Order, Rows};

/// Before any run is taken up. When this returns, no run is missed that a budget covers.
pub fn start(services: &Arc<Services>) -> Result<()> {
    let register = services.kept.get::<Register>();
    for org in access::every_org(services)? {
        let rows = services.store.org(org)?;
        let mut is_reserved = false;
        rows.scan::<Reservation>(Key::new(), Order::Oldest, |_| {
            is_reserved = true;
            Ok(false)
        })?;
        if is_reserved {
            register.mark(org);
        }
        if !store::all(&rows)?.is_empty() {
            register.read(services, org)?;
        }
    }
    Ok(())
}
