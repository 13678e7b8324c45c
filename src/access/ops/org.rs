//! The organization that the caller is in, and the others the caller could go to.

use chrono_tz::Tz;

use crate::access::cx::Cx;
use crate::access::role::Action;
use crate::access::services::Services;
use crate::access::store::{OrgRow, orgs_of};
use crate::access::types::{OrgPatch, OrgSummary, Organization, Quotas, name_of};
use crate::audit::Note;
use crate::base::{Error, OrgId, Result, UserId, zone};
use crate::infra::store::{Key, Order, Rows};

use super::authenticate::active_role;

pub fn organization(cx: &Cx) -> Result<Organization> {
    cx.require(Action::OrgRead)?;
    let row = cx.services().store.appliance()?.get::<OrgRow>(cx.org())?.ok_or_else(|| none(cx))?;
    Ok(shown(cx.services(), row))
}

/// Changes the organization's settings.
pub async fn update_organization(cx: &Cx, patch: OrgPatch) -> Result<Organization> {
    cx.require(Action::OrgWrite)?;
    let name = patch.name.as_deref().map(|it| name_of("name", it)).transpose()?;
    let time_zone = patch.time_zone.as_deref().map(zone::zone).transpose();
    let time_zone = time_zone.map_err(|it| Error::invalid_at("/time_zone", it.message()))?;
    let cx_in = cx.clone();
    cx.services()
        .store
        .write(move |tx| {
            let mut row = tx.appliance().get::<OrgRow>(cx_in.org())?.ok_or_else(|| none(&cx_in))?;
            let before = (row.name.clone(), zone_of(&row).name());
            row.name = name.unwrap_or(row.name);
            row.time_zone = time_zone.map_or(row.time_zone, |it| it.name().to_owned());
            if before != (row.name.clone(), zone_of(&row).name()) {
                row.updated_at = cx_in.now();
                tx.appliance().put(&row)?;
                let note = Note::of("org.update", "org", row.id)
                    .with("name", row.name.as_str())
                    .with("time_zone", zone_of(&row).name());
                cx_in.note(&mut tx.org(row.id), note)?;
            }
            Ok(shown(cx_in.services(), row))
        })
        .await
}

/// In which an organization's days begin.
pub fn time_zone(services: &Services, org: OrgId) -> Result<Tz> {
    let row = services.store.appliance()?.get::<OrgRow>(org)?;
    Ok(row.map_or(Tz::UTC, |it| zone_of(&it)))
}

/// A name that this program's database does not know any more is UTC.
fn zone_of(row: &OrgRow) -> Tz {
    row.time_zone.parse().unwrap_or(Tz::UTC)
}

/// The organizations in which a person has an active seat.
pub fn organizations(services: &Services, user: UserId) -> Result<Vec<OrgSummary>> {
    let rows = services.store.appliance()?;
    let mut found = Vec::new();
    for org in orgs_of(&rows, user)? {
        if let (Some(role), Some(row)) = (active_role(services, user, org)?, rows.get::<OrgRow>(org)?) {
            found.push(OrgSummary { id: org, name: row.name, slug: row.slug, role });
        }
    }
    Ok(found)
}

/// Every organization of the appliance, for the program's own work.
pub fn every_org(services: &Services) -> Result<Vec<OrgId>> {
    let rows = services.store.appliance()?.all::<OrgRow>(Key::new(), Order::Oldest)?;
    Ok(rows.into_iter().map(|it| it.id).collect())
}

/// As `every_org`, with slugs.
pub fn every_org_named(services: &Services) -> Result<Vec<(OrgId, String)>> {
    let rows = services.store.appliance()?.all::<OrgRow>(Key::new(), Order::Oldest)?;
    Ok(rows.into_iter().map(|it| (it.id, it.slug)).collect())
}

pub(super) fn shown(services: &Services, row: OrgRow) -> Organization {
    let (limits, engine) = (&services.config.limits, &services.config.engine);
    Organization {
        id: row.id,
        time_zone: zone_of(&row).name().to_owned(),
        name: row.name,
        slug: row.slug,
        quotas: Quotas {
            members: limits.members_per_org,
            agents: limits.agents_per_org,
            running: engine.max_running_per_org,
            queued: engine.max_queued_per_org,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn none(cx: &Cx) -> Error {
    Error::not_found("organization", cx.org())
}
