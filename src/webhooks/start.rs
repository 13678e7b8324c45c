//! Ties the feature to the engine and to the ends of runs; `app` calls it at start.

use std::sync::Arc;

use super::listen::Ends;
use super::register::Register;
use super::send::Sender;
use super::types::Webhook;
use crate::access::{self, Services};
use crate::base::Result;
use crate::budgets;
use crate::engine::TimerKind;
use crate::executions::Listeners;
use crate::infra::store::{Key, Order, Rows};

/// Before any run is taken up. When this returns, no end of a run is missed.
pub fn start(services: &Arc<Services>) -> Result<()> {
    let register = services.kept.get::<Register>();
    for org in access::every_org(services)? {
        let rows = services.store.org(org)?;
        rows.scan::<Webhook>(Key::new(), Order::Oldest, |_| {
            register.mark(org);
            Ok(false)
        })?;
    }
    let ends = Arc::new(Ends { services: Arc::downgrade(services) });
    services.kept.get::<Listeners>().add(ends.clone());
    services.kept.get::<budgets::Listeners>().add(ends);
    let sender = Sender { services: Arc::downgrade(services) };
    services.timers.register(TimerKind::Delivery, Arc::new(sender));
    Ok(())
}
