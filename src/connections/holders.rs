//! Who uses a credential. The features that do rank above and say so when `app` registers them.

use std::sync::Arc;

use parking_lot::RwLock;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Cx;
use crate::base::{AgentId, CredentialId, Result};
use crate::infra::store::{OrgTx, PerOrg, View};

/// An agent whose current version or draft uses a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Holder {
    pub agent_id: AgentId,
    pub name: String,
    /// Whether the caller may see it; others are counted and not named.
    #[serde(skip)]
    pub is_visible: bool,
}

pub trait Holders: Send + Sync {
    fn seen(&self, cx: &Cx, rows: &View<PerOrg>, id: CredentialId) -> Result<Vec<Holder>>;
    /// The same within a transaction.
    fn held(&self, cx: &Cx, tx: &OrgTx<'_, '_>, id: CredentialId) -> Result<Vec<Holder>>;
}

/// Kept in `Services::kept`.
#[derive(Default)]
pub struct Register(RwLock<Vec<Arc<dyn Holders>>>);

impl Register {
    pub fn add(&self, holders: Arc<dyn Holders>) {
        self.0.write().push(holders);
    }

    pub(super) fn seen(&self, cx: &Cx, rows: &View<PerOrg>, id: CredentialId) -> Result<Vec<Holder>> {
        self.each(|it| it.seen(cx, rows, id))
    }

    pub(super) fn held(&self, cx: &Cx, tx: &OrgTx<'_, '_>, id: CredentialId) -> Result<Vec<Holder>> {
        self.each(|it| it.held(cx, tx, id))
    }

    fn each(&self, ask: impl Fn(&dyn Holders) -> Result<Vec<Holder>>) -> Result<Vec<Holder>> {
        let mut all = Vec::new();
        for holders in self.0.read().iter() {
            all.extend(ask(holders.as_ref())?);
        }
        Ok(all)
    }
}
