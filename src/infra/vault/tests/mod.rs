//! The vault's promises: nothing opens elsewhere, nothing opens with another key, nothing is lost in silence.

mod files;
mod memory;
mod moving;
mod rotation;

use uuid::Uuid;

use super::*;
use crate::base::{Id, OrgId};
use crate::infra::Secret;

fn instance(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn org(n: u128) -> Scope {
    Scope::Org(OrgId::from_uuid(Uuid::from_u128(n)))
}

fn vault() -> Vault {
    Vault::open_with(Root::generate(), instance(1), Redactor::new())
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn place<'a>(table: &'a str, row: &'a str, field: &'a str) -> Binding<'a> {
    Binding { purpose: Purpose::Credential, table, row: row.as_bytes(), field }
}
