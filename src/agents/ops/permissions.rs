//! Sharing agents.

use super::super::rights::{Grant, check_grants};
use super::{SHARE, changing, save};
use crate::access::{self, Cx};
use crate::audit::Note;
use crate::base::{Code, Error, Result};

/// To whom the agent was given, beside its owner, the admins, and those who see it by its visibility; with the
/// agent's revision.
///
/// Errors: as `find`; `InsufficientPermissions` without the right `admin`.
pub fn permissions(cx: &Cx, id_or_slug: &str) -> Result<(Vec<Grant>, u64)> {
    let agent = changing(cx, &cx.read()?, id_or_slug, SHARE, None)?;
    Ok((agent.grants, agent.revision))
}

/// Replaces all of them. `expected` is the revision that the caller has read.
///
/// Errors: as `permissions`; `PreconditionFailed`; `ValidationFailed` for a grant that names nobody, somebody twice, or
/// somebody from elsewhere.
pub async fn set_permissions(
    cx: &Cx,
    id_or_slug: &str,
    mut grants: Vec<Grant>,
    expected: Option<u64>,
) -> Result<Vec<Grant>> {
    cx.require(SHARE.0)?;
    changing(cx, &cx.read()?, id_or_slug, SHARE, expected)?;
    check_grants(&grants)?;
    check_members(cx, &grants)?;
    for grant in &mut grants {
        grant.rights.sort_unstable();
        grant.rights.dedup();
    }
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let mut agent = changing(&caller, tx, &given, SHARE, expected)?;
        agent.grants = grants;
        save(&caller, tx, &mut agent)?;
        let named: Vec<String> = agent.grants.iter().filter_map(holder).collect();
        caller.note(tx, Note::of("agent.share", "agent", agent.id).with("with", named))?;
        Ok(agent.grants)
    })
    .await
}

fn check_members(cx: &Cx, grants: &[Grant]) -> Result<()> {
    for (place, user) in grants.iter().enumerate().filter_map(|(place, it)| Some((place, it.user_id?))) {
        access::member(cx, user).map_err(|error| match error.code() {
            Code::NotFound => Error::invalid_at(
                &format!("/permissions/{place}/user_id"),
                "this is no member of the organization",
            ),
            _ => error,
        })?;
    }
    Ok(())
}

fn holder(grant: &Grant) -> Option<String> {
    grant.user_id.map(|it| it.to_string()).or(grant.role.map(|it| it.name().to_owned()))
}
