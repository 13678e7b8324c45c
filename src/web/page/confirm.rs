//! What is destroyed only after its name was typed.

use crate::base::{Error, Result};

/// Errors: `ValidationFailed` where `typed` is not `name`.
pub fn confirmed(typed: &str, name: &str) -> Result<()> {
    if typed.trim() == name.trim() {
        return Ok(());
    }
    Err(Error::invalid(format!("nothing was changed: type {name} to go on")))
}
