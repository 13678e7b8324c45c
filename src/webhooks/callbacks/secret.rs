//! What signs the callbacks of an organization.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Services;
use crate::base::{Env, Id, OrgId, Result, Timestamp};
use crate::infra::Secret;
use crate::infra::signature::standard_secret;
use crate::infra::store::{Key, OrgTx, PerOrg, Row, Rows, Table};
use crate::infra::vault::Loaded;
use crate::keys::{SecretsOf, SigningSecrets};
use crate::webhooks::secrets::RANDOM_BYTES;

/// The one secret, made with the first callback or when somebody asks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::webhooks) struct Signing {
    pub secrets: SigningSecrets,
    /// Counts the changes of this row.
    pub revision: u64,
}

impl Row for Signing {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(134, "callback_signing");

    fn key(&self) -> Key {
        Self::only()
    }
}

impl Signing {
    pub(super) fn only() -> Key {
        Key::new().byte(0)
    }

    pub(super) fn of(org: OrgId) -> SecretsOf {
        SecretsOf { table: Self::TABLE.name, id: org.bytes() }
    }

    pub(super) fn first(
        services: &Services,
        tx: &mut OrgTx<'_, '_>,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Self> {
        let of = Self::of(tx.org_id());
        let secrets = SigningSecrets::first(&services.vault, tx, of, secret, now)?;
        Ok(Self { secrets, revision: 0 })
    }
}

fn random(env: &Env) -> Secret {
    standard_secret(&env.bytes::<RANDOM_BYTES>())
}

/// Those that sign now, the present one first. Where there is none yet, one is made that nobody has seen: a message
/// is never sent without a signature, and whoever wants to check it asks for a secret first.
///
/// Errors: `Unavailable` while sealed.
pub(in crate::webhooks) async fn secrets(services: &Arc<Services>, org: OrgId) -> Result<Vec<Loaded>> {
    let signing = match services.store.org(org)?.get::<Signing>(Signing::only())? {
        Some(found) => found,
        None => made(services, org).await?,
    };
    let rows = services.store.org(org)?;
    signing.secrets.open(&services.vault, &rows, (org, Signing::of(org)), services.env.now())
}

async fn made(services: &Arc<Services>, org: OrgId) -> Result<Signing> {
    let held = services.clone();
    let first = move |tx: &mut OrgTx<'_, '_>| {
        if let Some(found) = tx.get::<Signing>(Signing::only())? {
            return Ok(found);
        }
        let signing = Signing::first(&held, tx, &random(&held.env), held.env.now())?;
        tx.insert(&signing)?;
        Ok(signing)
    };
    services.store.write_org(org, first).await
}
