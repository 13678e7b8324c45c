//! What is destroyed only after its name was typed.

use askama::Template;

use super::Faults;
use crate::base::{Error, Result};
use crate::web::{Flash, Reply, SeeOther, Sent, again};

/// Errors: `ValidationFailed` where `typed` is not `name`.
pub fn confirmed(typed: &str, name: &str) -> Result<()> {
    if typed.trim() == name.trim() {
        return Ok(());
    }
    Err(Error::invalid(format!("nothing was changed: type {name} to go on")))
}

/// Where its name was typed, it is deleted, and the way leads to `list`; else the page comes once more, which `page`
/// makes of what is wrong.
pub async fn deleted<P: Template>(
    (typed, name): (&str, &str),
    list: &'static str,
    delete: impl Future<Output = Result<()>>,
    page: impl FnOnce(Vec<(String, String)>) -> Result<P>,
) -> Reply<Sent> {
    if let Err(error) = confirmed(typed, name) {
        return again(page(Faults::of(error)?.summary([]))?);
    }
    delete.await?;
    Ok(SeeOther::to(list).saying(Flash::ok(format!("{name} is gone."))).into())
}
