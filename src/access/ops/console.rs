//! What the command line does with people, on the machine itself. Who can open the data folder needs no log-in.

use std::sync::Arc;

use serde::Serialize;

use super::login::appliance;
use super::org::organizations;
use super::password::link;
use crate::access::Role;
use crate::access::services::Services;
use crate::access::store::{MembershipRow, UserRow, end_sessions, orgs_of, user_by_email};
use crate::access::types::{MemberStatus, OrgSummary, ResetLink};
use crate::audit::{self, Note};
use crate::base::{Actor, Code, Error, Origin, Result, Timestamp, UserId};
use crate::infra::store::{Key, Order, Rows, WriteTx};

#[derive(Debug, Clone, Serialize)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub superadmin: bool,
    pub disabled: bool,
    pub created_at: Timestamp,
    pub organizations: Vec<OrgSummary>,
}

/// Everyone, oldest account first.
pub fn people(services: &Services) -> Result<Vec<Person>> {
    let rows = services.store.appliance()?.all::<UserRow>(Key::new(), Order::Oldest)?;
    rows.into_iter().map(|it| shown(services, it)).collect()
}

/// A one-time link to set a new password.
///
/// Errors: `NotFound`.
pub async fn reset_password(services: &Arc<Services>, email: &str) -> Result<ResetLink> {
    change(services, email, "password.reset_issued", |tx, services, user| link(tx, services, user.id)).await
}

/// Lets a person run the appliance.
///
/// Errors: `NotFound`.
pub async fn make_admin(services: &Arc<Services>, email: &str) -> Result<Person> {
    change(services, email, "user.make_admin", |tx, services, mut user| {
        user.superadmin = true;
        user.updated_at = services.env.now();
        tx.appliance().put(&user)?;
        shown(services, user)
    })
    .await
}

/// Locks a person out everywhere, or lets them in again; all their sessions end.
///
/// Errors: `NotFound`; `Conflict` where an organization would be left without an owner who can log in.
pub async fn set_disabled(services: &Arc<Services>, email: &str, disabled: bool) -> Result<Person> {
    let action = if disabled { "user.disable" } else { "user.enable" };
    change(services, email, action, move |tx, services, mut user| {
        user.disabled = disabled;
        user.updated_at = services.env.now();
        tx.appliance().put(&user)?;
        if disabled {
            check_owners_left(tx, &user)?;
        }
        end_sessions(&mut tx.appliance(), user.id, |_| true)?;
        shown(services, user)
    })
    .await
}

fn check_owners_left(tx: &mut WriteTx<'_>, user: &UserRow) -> Result<()> {
    for org in orgs_of(&tx.appliance(), user.id)? {
        let (mut owns, mut others) = (false, Vec::new());
        tx.org(org).scan::<MembershipRow>(Key::new(), Order::Oldest, |it| {
            if it.role == Role::Owner && it.status == MemberStatus::Active {
                if it.user_id == user.id {
                    owns = true;
                } else {
                    others.push(it.user_id);
                }
            }
            Ok(true)
        })?;
        let mut left = false;
        for other in others {
            left |= tx.appliance().get::<UserRow>(other)?.is_some_and(|it| !it.disabled);
        }
        if owns && !left {
            return Err(Error::conflict(format!(
                "{} is the last owner of an organization who can log in; make someone else an owner first",
                user.email
            )));
        }
    }
    Ok(())
}

async fn change<T: Send + 'static>(
    services: &Arc<Services>,
    email: &str,
    action: &'static str,
    work: impl FnOnce(&mut WriteTx<'_>, &Services, UserRow) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (services_in, email) = (services.clone(), email.to_owned());
    services
        .store
        .write(move |tx| {
            let user = user_by_email(&tx.appliance(), &email)?;
            let user = user
                .ok_or_else(|| Error::new(Code::NotFound, format!("nobody here has the address {email}")))?;
            let mut places = orgs_of(&tx.appliance(), user.id)?;
            places.push(appliance());
            for org in places {
                let note = Note::of(action, "user", user.id);
                let (actor, origin) = (Actor::system("console"), Origin::default());
                audit::append(&mut tx.org(org), &services_in.env, &actor, &origin, note)?;
            }
            work(tx, &services_in, user)
        })
        .await
}

fn shown(services: &Services, user: UserRow) -> Result<Person> {
    Ok(Person {
        organizations: organizations(services, user.id)?,
        id: user.id,
        email: user.email,
        name: user.name,
        superadmin: user.superadmin,
        disabled: user.disabled,
        created_at: user.created_at,
    })
}
