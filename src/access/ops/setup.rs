//! The first owner and the first organization. Who holds the one-time token may make them, once, from the
//! machine itself; whoever comes first in the store has won.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::register::{NewOwner, make_owner};
use crate::access::means::{check_password, digest, mint};
use crate::access::services::Services;
use crate::access::store::SetupRow;
use crate::access::types::{Registered, SetupRequest, check_email, name_of};
use crate::base::{Code, Doing, Error, Origin, Result};
use crate::config::Config;
use crate::infra::Secret;
use crate::infra::fault;
use crate::infra::password::PasswordRules;
use crate::infra::token::TokenKind;

const MIN_TOKEN_BYTES: usize = 16;

/// Whether the appliance has its first owner.
pub fn setup_is_done(services: &Services) -> Result<bool> {
    Ok(SetupRow::read(&services.store.appliance()?)?.done_at.is_some())
}

/// Makes the setup token of this start (or takes `given`), writes it to `setup-token` in the data folder with
/// mode 0600 and answers it to be shown. `None` once setup is done; an earlier token is void.
///
/// Errors: `ValidationFailed` for a given token that is too short to be safe.
pub async fn prepare_setup(services: &Arc<Services>, given: Option<Secret>) -> Result<Option<Secret>> {
    if setup_is_done(services)? {
        forget_file(services)?;
        return Ok(None);
    }
    if given.as_ref().is_some_and(|it| it.expose().len() < MIN_TOKEN_BYTES) {
        return Err(Error::invalid(format!("REEVE_SETUP_TOKEN has at least {MIN_TOKEN_BYTES} characters")));
    }
    let token = given.unwrap_or_else(|| mint(&services.env, TokenKind::Setup).0);
    let hash = digest(token.expose());
    services
        .store
        .write(move |tx| {
            let mut row = SetupRow::read(&tx.appliance())?;
            row.token = Some(hash).filter(|_| row.done_at.is_none());
            tx.appliance().put(&row)
        })
        .await?;
    forget_file(services)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(token_file(services))
        .doing("write the setup token's file")?;
    file.write_all(token.expose()).and_then(|()| file.write_all(b"\n")).doing("write the setup token")?;
    Ok(Some(token))
}

/// Makes the first owner. `token` is `None` where the caller has the data folder in hand (the command line).
///
/// Errors: `Conflict` once done, whatever else is wrong; `InsufficientPermissions` from another machine;
/// `Unauthenticated` for a wrong token; `ValidationFailed`.
pub async fn setup(
    services: &Arc<Services>,
    origin: &Origin,
    request: SetupRequest,
    check_token: bool,
) -> Result<Registered> {
    let row = SetupRow::read(&services.store.appliance()?)?;
    if row.done_at.is_some() {
        return Err(done());
    }
    if check_token {
        if !origin.address.is_some_and(|it| it.to_canonical().is_loopback()) {
            return Err(Error::forbidden(
                "setup is done from the machine itself, or through a tunnel to it: open this server at its loopback \
                 address, or run `reeve setup` there",
            ));
        }
        let per_minute = services.config.limits.logins_per_minute;
        let slot = services.means.throttle.address(origin.address, per_minute, services.env.now())?;
        let given = digest(request.token.expose());
        if !row.token.is_some_and(|it| bool::from(it.ct_eq(&given))) {
            return Err(Error::new(
                Code::Unauthenticated,
                "this is not the setup token; it stands in the server's terminal and in the file setup-token of its data \
                 folder",
            ));
        }
        services.means.throttle.give_back([slot]);
    }
    let owner = new_owner(services, &request).await?;
    let (services_in, origin) = (services.clone(), origin.clone());
    let registered = services
        .store
        .write(move |tx| {
            let mut row = SetupRow::read(&tx.appliance())?;
            if row.done_at.is_some() {
                return Err(done());
            }
            row = SetupRow { token: None, done_at: Some(services_in.env.now()) };
            tx.appliance().put(&row)?;
            fault!("access.setup"?);
            make_owner(tx, &services_in, &origin, owner, "setup")
        })
        .await?;
    fault!("access.set_up"?);
    forget_file(services)?;
    Ok(registered)
}

/// Whether a request could be carried out, before there is anything to carry it out on.
///
/// Errors: `ValidationFailed`.
pub fn check_setup(config: &Config, request: &SetupRequest) -> Result<()> {
    let (email, name, org_name) = names(request)?;
    let rules = PasswordRules::new(config.auth.password_min_chars);
    check_password(&rules, "password", &request.password, &[&email, &name, &org_name])
}

async fn new_owner(services: &Services, request: &SetupRequest) -> Result<NewOwner> {
    let (email, name, org_name) = names(request)?;
    let about = [email.as_str(), name.as_str(), org_name.as_str()];
    let password = services.means.hash_new("password", &request.password, &about).await?;
    Ok(NewOwner { email, name, org_name, password, superadmin: true })
}

/// E-mail address and name of the owner, and the organization's name.
fn names(request: &SetupRequest) -> Result<(String, String, String)> {
    let email = check_email(&request.email)?;
    let org_name = name_of("org_name", &request.org_name)?;
    let name = match &request.name {
        Some(name) => name_of("name", name)?,
        None => email.split('@').next().unwrap_or_default().to_owned(),
    };
    Ok((email, name, org_name))
}

fn done() -> Error {
    Error::conflict("this server is set up already; log in")
}

fn token_file(services: &Services) -> PathBuf {
    services.config.data.dir.join("setup-token")
}

fn forget_file(services: &Services) -> Result<()> {
    match std::fs::remove_file(token_file(services)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove the setup token's file")
        }
        _ => Ok(()),
    }
}
