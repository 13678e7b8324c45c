//! Which organizations may have webhooks, in memory: the end of a run of any other costs one look here.

use std::collections::HashSet;

use parking_lot::RwLock;

use crate::base::OrgId;

/// Kept in `Services::kept`. Never forgets: an organization that is named here in vain costs a look at an empty table.
#[derive(Default)]
pub(super) struct Register(RwLock<HashSet<OrgId>>);

impl Register {
    /// Before the commit that makes a webhook, so that no run ends between the two unseen.
    pub(super) fn mark(&self, org: OrgId) {
        if !self.has(org) {
            self.0.write().insert(org);
        }
    }

    pub(super) fn has(&self, org: OrgId) -> bool {
        self.0.read().contains(&org)
    }
}
