//! Secrets that two sides share to sign messages: at rest, and on their way from an old one to a new one.

use serde::{Deserialize, Serialize};

use super::rings::{ring, ring_or_new};
use crate::base::{Id, OrgId, Result, Timestamp};
use crate::infra::Secret;
use crate::infra::store::{Key, OrgTx, PerOrg, Rows};
use crate::infra::vault::{Binding, Loaded, Purpose, Sealed, Vault};

/// Whose they are: a sealed secret opens at its own row only.
#[derive(Debug, Clone, Copy)]
pub struct SecretsOf {
    pub table: &'static str,
    pub id: [u8; 16],
}

impl SecretsOf {
    pub fn new(table: &'static str, id: impl Id) -> Self {
        Self { table, id: id.bytes() }
    }

    fn row(self, version: u32) -> Key {
        Key::new().bytes(&self.id).u64(u64::from(version))
    }
}

/// The present secret, and the one before it for as long as both count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SigningSecrets {
    present: Kept,
    former: Option<Former>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    sealed: Sealed,
    /// Counts the secrets that there were.
    version: u32,
    /// Tells two secrets apart and says nothing about either.
    hint: String,
    since: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Former {
    secret: Kept,
    until: Timestamp,
}

impl SigningSecrets {
    /// Errors: `Unavailable` while sealed.
    pub fn first(
        vault: &Vault,
        tx: &mut OrgTx<'_, '_>,
        of: SecretsOf,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(Self { present: Kept::seal(vault, tx, of, 1, secret, now)?, former: None })
    }

    /// Puts `secret` in the present one's place, which counts for `overlap_ms` more.
    ///
    /// Errors: `Unavailable` while sealed.
    pub fn rotate(
        &mut self,
        vault: &Vault,
        tx: &mut OrgTx<'_, '_>,
        of: SecretsOf,
        secret: &Secret,
        (now, overlap_ms): (Timestamp, u64),
    ) -> Result<()> {
        let next = Kept::seal(vault, tx, of, self.present.version + 1, secret, now)?;
        let before = std::mem::replace(&mut self.present, next);
        self.former = (overlap_ms > 0).then(|| Former { secret: before, until: now.plus_ms(overlap_ms) });
        Ok(())
    }

    /// Those that count at `now`, the present one first. Logs do not show them while they are open.
    ///
    /// Errors: `Unavailable` while sealed; `CredentialInvalid` where one does not open.
    pub fn open(
        &self,
        vault: &Vault,
        rows: &impl Rows<PerOrg>,
        (org, of): (OrgId, SecretsOf),
        now: Timestamp,
    ) -> Result<Vec<Loaded>> {
        let ring = ring(vault, rows, org)?;
        let former = self.former.as_ref().filter(|it| now < it.until).map(|it| &it.secret);
        let open = |it: &Kept| {
            let row = of.row(it.version);
            vault.open(&ring, &binding(of, row.as_slice()), &it.sealed)
        };
        [Some(&self.present), former].into_iter().flatten().map(open).collect()
    }

    pub fn version(&self) -> u32 {
        self.present.version
    }

    pub fn hint(&self) -> &str {
        &self.present.hint
    }

    /// When the present one came.
    pub fn since(&self) -> Timestamp {
        self.present.since
    }

    /// Until when the one before counts, where it does.
    pub fn former_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.former.as_ref().map(|it| it.until).filter(|it| now < *it)
    }
}

impl Kept {
    fn seal(
        vault: &Vault,
        tx: &mut OrgTx<'_, '_>,
        of: SecretsOf,
        version: u32,
        secret: &Secret,
        since: Timestamp,
    ) -> Result<Self> {
        let (ring, row) = (ring_or_new(vault, tx)?, of.row(version));
        let sealed = vault.seal(&ring, &binding(of, row.as_slice()), secret)?;
        Ok(Self { sealed, version, hint: vault.hint(&ring, secret)?, since })
    }
}

fn binding(of: SecretsOf, row: &[u8]) -> Binding<'_> {
    Binding { purpose: Purpose::WebhookSecret, table: of.table, row, field: "secret" }
}
