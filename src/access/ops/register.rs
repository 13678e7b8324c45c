//! Joining: by an invitation, or, where the appliance allows it, with an organization of one's own.

use std::sync::Arc;

use super::invitations::{find_invitation, not_valid};
use super::login::{fresh, identify, wrong};
use super::org::shown;
use crate::access::means::hash_of;
use crate::access::role::Role;
use crate::access::services::Services;
use crate::access::store::{
    InvitationRef, InvitationRow, MembershipRow, OrgRow, UserRow, add_membership, free_slug, user_by_email,
};
use crate::access::types::{MemberStatus, RegisterRequest, Registered, check_email, email_key, name_of};
use crate::audit::{self, Note};
use crate::base::{Actor, Code, Error, OrgId, Origin, Result, UserId};
use crate::infra::store::{Key, Order, Rows, WriteTx};
use crate::infra::token::TokenKind;

/// A person to be made owner of a new organization.
pub(super) struct NewOwner {
    pub email: String,
    pub name: String,
    pub org_name: String,
    /// Hashed.
    pub password: String,
    pub superadmin: bool,
}

/// Who registers: someone new, or someone who proved to be the account's owner.
enum Person {
    New { email: String, name: String, password: String },
    Known(UserRow),
}

/// Takes up an invitation, or opens a new organization.
///
/// Errors: `NotFound` for an invitation that is not valid (any more); `InsufficientPermissions` where registration
/// is closed; `Unauthenticated` where the address has an account with another password.
pub async fn accept(
    services: &Arc<Services>,
    origin: &Origin,
    request: RegisterRequest,
) -> Result<Registered> {
    match (&request.invite, &request.org_name) {
        (Some(_), None) => join(services, origin, request).await,
        (None, Some(_)) if services.config.auth.open_registration => open(services, origin, request).await,
        (None, Some(_)) => Err(Error::forbidden("this server takes new members by invitation only")),
        _ => Err(Error::invalid("send either invite or org_name")),
    }
}

async fn join(services: &Arc<Services>, origin: &Origin, request: RegisterRequest) -> Result<Registered> {
    let Some(token) = request.invite.as_ref().map(crate::infra::Secret::duplicate) else {
        return Err(not_valid());
    };
    let (_, invitation) = find_invitation(services, &token)?;
    if email_key(&invitation.email) != email_key(&request.email) {
        return Err(Error::invalid_at("email", "this invitation is for another address"));
    }
    let person = person(services, origin, &request, &[]).await?;
    let (services_in, origin) = (services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            // Read again: of two who take up the same invitation one wins.
            let hash = hash_of(TokenKind::Invitation, &token).ok_or_else(not_valid)?;
            let place = tx.appliance().delete::<InvitationRef>(Key::new().bytes(&hash))?;
            let place = place.ok_or_else(not_valid)?;
            let org = place.org_id;
            let row = tx.org(org).delete::<InvitationRow>(place.invitation_id)?.ok_or_else(not_valid)?;
            check_seats(tx, &services_in, org)?;
            let user = settle(tx, &services_in, person)?;
            if tx.org(org).exists::<MembershipRow>(user.id)? {
                return Err(Error::conflict("you are a member of this organization already"));
            }
            seat(tx, &services_in, org, user.id, row.role)?;
            let note = Note::of("member.join", "member", user.id)
                .with("role", row.role.name())
                .with("invitation_id", row.id.to_string());
            let actor = Actor::User { user_id: user.id };
            audit::append(&mut tx.org(org), &services_in.env, &actor, &origin, note)?;
            registered(tx, &services_in, user, org, row.role)
        })
        .await
}

async fn open(services: &Arc<Services>, origin: &Origin, request: RegisterRequest) -> Result<Registered> {
    let org_name = name_of("org_name", request.org_name.as_deref().unwrap_or_default())?;
    let person = person(services, origin, &request, &[&org_name]).await?;
    let (services_in, origin) = (services.clone(), origin.clone());
    services
        .store
        .write(move |tx| {
            let user = settle(tx, &services_in, person)?;
            make_org(tx, &services_in, &origin, user, &org_name, "register")
        })
        .await
}

/// Checks the password against the account, where the address has one; hashes it for a new one otherwise.
async fn person(
    services: &Arc<Services>,
    origin: &Origin,
    request: &RegisterRequest,
    about: &[&str],
) -> Result<Person> {
    let email = check_email(&request.email)?;
    if user_by_email(&services.store.appliance()?, &email)?.is_some_and(|it| it.password.is_some()) {
        let (user, slots) = identify(services, origin, &email, &request.password).await?;
        let user = user.filter(|it| !it.disabled).ok_or_else(wrong)?;
        services.means.throttle.give_back(slots);
        return Ok(Person::Known(user));
    }
    let name = match &request.name {
        Some(name) => name_of("name", name)?,
        None => email.split('@').next().unwrap_or_default().to_owned(),
    };
    let about = [about, &[email.as_str(), name.as_str()]].concat();
    let password = services.means.hash_new("password", &request.password, &about).await?;
    Ok(Person::New { email, name, password })
}

fn settle(tx: &mut WriteTx<'_>, services: &Services, person: Person) -> Result<UserRow> {
    match person {
        Person::Known(user) => fresh(tx, &user),
        Person::New { email, name, password } => new_user(tx, services, email, name, password, false),
    }
}

fn new_user(
    tx: &mut WriteTx<'_>,
    services: &Services,
    email: String,
    name: String,
    password: String,
    superadmin: bool,
) -> Result<UserRow> {
    if user_by_email(&tx.appliance(), &email)?.is_some() {
        return Err(Error::conflict("this address has an account already; log in"));
    }
    let now = services.env.now();
    let user = UserRow {
        id: services.env.id(),
        email,
        name,
        password: Some(password),
        superadmin,
        disabled: false,
        created_at: now,
        updated_at: now,
        password_changed_at: now,
        last_org: None,
    };
    tx.appliance().insert(&user)?;
    Ok(user)
}

pub(super) fn make_owner(
    tx: &mut WriteTx<'_>,
    services: &Services,
    origin: &Origin,
    owner: NewOwner,
    how: &'static str,
) -> Result<Registered> {
    let NewOwner { email, name, org_name, password, superadmin } = owner;
    let user = new_user(tx, services, email, name, password, superadmin)?;
    make_org(tx, services, origin, user, &org_name, how)
}

fn make_org(
    tx: &mut WriteTx<'_>,
    services: &Services,
    origin: &Origin,
    user: UserRow,
    name: &str,
    how: &'static str,
) -> Result<Registered> {
    let now = services.env.now();
    let id = services.env.id();
    let slug = free_slug(&tx.appliance(), name)?;
    tx.appliance().insert(&OrgRow {
        id,
        name: name.to_owned(),
        slug,
        time_zone: String::new(),
        created_at: now,
        updated_at: now,
    })?;
    seat(tx, services, id, user.id, Role::Owner)?;
    let actor = Actor::User { user_id: user.id };
    let note = Note::of("org.create", "org", id).with("by", how);
    audit::append(&mut tx.org(id), &services.env, &actor, origin, note)?;
    registered(tx, services, user, id, Role::Owner)
}

fn seat(tx: &mut WriteTx<'_>, services: &Services, org: OrgId, user: UserId, role: Role) -> Result<()> {
    let now = services.env.now();
    let row =
        MembershipRow { user_id: user, role, status: MemberStatus::Active, joined_at: now, updated_at: now };
    add_membership(tx, org, &row)
}

fn check_seats(tx: &mut WriteTx<'_>, services: &Services, org: OrgId) -> Result<()> {
    let most = services.config.limits.members_per_org;
    let mut count = 0;
    tx.org(org).scan::<MembershipRow>(Key::new(), Order::Oldest, |_| {
        count += 1;
        Ok(true)
    })?;
    if count < most {
        return Ok(());
    }
    Err(Error::new(
        Code::OrganizationLimitExceeded,
        format!("an organization has at most {most} members here"),
    ))
}

fn registered(
    tx: &mut WriteTx<'_>,
    services: &Services,
    user: UserRow,
    org: OrgId,
    role: Role,
) -> Result<Registered> {
    let row = tx.appliance().get::<OrgRow>(org)?.ok_or_else(not_valid)?;
    Ok(Registered {
        user_id: user.id,
        email: user.email,
        name: user.name,
        role,
        organization: shown(services, row),
    })
}
