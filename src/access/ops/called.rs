//! How people call those who act.

use crate::access::Cx;
use crate::access::store::{KeyRow, UserRow};
use crate::base::{KeyId, Result, UserId};
use crate::infra::store::Rows;

/// A name for an actor that a row of the organization holds, in its text form (`usr_…`, `key_…`, `system:…`,
/// `anonymous`): the person's, the key's; the text itself where nobody knows it any more.
pub fn called(cx: &Cx, actor: &str) -> Result<String> {
    if let Ok(id) = actor.parse::<UserId>() {
        // Whoever acted here was a member; the name of a former one is still theirs.
        let person = cx.services().store.appliance()?.get::<UserRow>(id)?;
        return Ok(person.map_or_else(|| actor.to_owned(), |it| shown(it.name, it.email)));
    }
    if let Ok(id) = actor.parse::<KeyId>() {
        let key = cx.read()?.get::<KeyRow>(id)?;
        return Ok(key.map_or_else(|| actor.to_owned(), |it| format!("Key “{}”", it.name)));
    }
    Ok(match actor.strip_prefix("system:") {
        Some(part) => format!("Reeve ({part})"),
        None if actor == "anonymous" => "Nobody known".to_owned(),
        None => actor.to_owned(),
    })
}

fn shown(name: String, email: String) -> String {
    if name.trim().is_empty() { email } else { name }
}
