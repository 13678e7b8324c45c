//! The audit log for those who may read it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AuditEntry, AuditFilter, Verdict};
use crate::access::{Action, Cx};
use crate::base::{Page, PageRequest, Result, Timestamp};
use crate::web::{Found, Query, Reply, Route};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/audit", list)
            .needs(Action::AuditRead)
            .says("Who did what in the organization, newest first.")
            .query::<AuditQuery>()
            .answers::<Page<AuditEntry>>(200, "Entries."),
        Route::get("/api/audit/verify", verify)
            .needs(Action::AuditRead)
            .says("Reads the whole chain of entries and says whether it was tampered with.")
            .answers::<Verdict>(200, "What the check found."),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// `usr_…`, `key_…`, `system:…` or `anonymous`.
    actor: Option<String>,
    /// `login`, `member.update` …
    action: Option<String>,
    /// Kind of the thing that it was done to: `member`, `agent` …
    resource: Option<String>,
    /// Id of the thing.
    resource_id: Option<String>,
    /// From this moment on.
    from: Option<Timestamp>,
    /// Before this moment.
    to: Option<Timestamp>,
    /// 1 to 200; 50 where it is left out.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AuditQuery {
    fn split(self) -> Result<(AuditFilter, PageRequest)> {
        let page = PageRequest::parse(self.limit, self.cursor.as_deref())?;
        let filter = AuditFilter {
            actor: self.actor,
            action: self.action,
            object: self.resource,
            object_id: self.resource_id,
            from: self.from,
            to: self.to,
        };
        Ok((filter, page))
    }
}

/// `GET /api/audit`
async fn list(cx: Cx, query: Query<AuditQuery>) -> Reply<Found<Page<AuditEntry>>> {
    cx.require(Action::AuditRead)?;
    let (filter, page) = query.0.split()?;
    Ok(Found(super::list(&cx.read()?, &filter, &page)?))
}

/// `GET /api/audit/verify`
async fn verify(cx: Cx) -> Reply<Found<Verdict>> {
    cx.require(Action::AuditRead)?;
    let rows = cx.read()?;
    let verdict = actix_web::web::block(move || super::verify(&rows)).await;
    Ok(Found(verdict.map_err(|it| crate::base::Error::internal("check the audit log", it))??))
}
