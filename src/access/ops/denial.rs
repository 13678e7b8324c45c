//! Refusals go into the audit log too.

use crate::access::cx::Cx;
use crate::audit::Note;
use crate::base::{Error, Result};

/// Writes down that `cx` was refused `what` (method and path pattern).
pub async fn note_denial(cx: &Cx, what: &str, error: &Error) -> Result<()> {
    let note = Note::of("access.denied", "route", what).with("code", error.code().name());
    let writer = cx.clone();
    cx.write(move |tx| writer.note(tx, note)).await
}
