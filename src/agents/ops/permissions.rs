//! Sharing agents.

use super::super::rights::{Grant, check_grants};
use super::{SHARE, changing, save};
use crate::access::Cx;
use crate::audit::Note;
use crate::base::Result;

/// To whom the agent was given, beside its owner, the admins, and those who see it by its visibility.
///
/// Errors: as `find`; `InsufficientPermissions` without the right `admin`.
pub fn permissions(cx: &Cx, id_or_slug: &str) -> Result<Vec<Grant>> {
    Ok(changing(cx, &cx.read()?, id_or_slug, SHARE, None)?.grants)
}

/// Replaces all of them.
///
/// Errors: as `permissions`; `ValidationFailed` for a grant that names nobody, or somebody twice.
pub async fn set_permissions(cx: &Cx, id_or_slug: &str, mut grants: Vec<Grant>) -> Result<Vec<Grant>> {
    cx.require(SHARE.0)?;
    check_grants(&grants)?;
    for grant in &mut grants {
        grant.rights.sort_unstable();
        grant.rights.dedup();
    }
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let mut agent = changing(&caller, tx, &given, SHARE, None)?;
        agent.grants = grants;
        save(&caller, tx, &mut agent)?;
        let named: Vec<String> = agent.grants.iter().filter_map(holder).collect();
        caller.note(tx, Note::of("agent.share", "agent", agent.id).with("with", named))?;
        Ok(agent.grants)
    })
    .await
}

fn holder(grant: &Grant) -> Option<String> {
    grant.user_id.map(|it| it.to_string()).or(grant.role.map(|it| it.name().to_owned()))
}
