//! Everyone who might call, and what each may be told.

use std::sync::Arc;

use reeve::access::{Action, Role, console};
use reeve::web::Kind;
use serde_json::json;

use super::table::{Line, Who};
use crate::support::clock::HeldClock;
use crate::support::http::Http;
use crate::support::people::Caller;
use crate::support::{Appliance, PASSWORD};

/// What a caller may.
#[derive(Debug, Clone, PartialEq)]
pub enum May {
    /// Not known, or not any more: 401 everywhere.
    Nothing,
    Role(Role),
    /// A key with one scope, of an owner.
    Scope(String),
    /// A key bound to one agent, of an owner.
    Agent,
    /// Runs the appliance, is a member of nothing.
    Superadmin,
}

pub struct Principal {
    pub name: String,
    pub may: May,
    /// A client with a token, for what programs call.
    pub token: Http,
    /// Address and cookie of a browser, for pages; keys have none.
    pub email: Option<String>,
    pub cookie: Option<(String, String)>,
}

/// What a key that is bound to an agent reaches beside that agent's own checks.
const AGENT_SCOPES: &[&str] = &["agents:read", "agents:execute", "executions:read", "executions:cancel"];

impl Principal {
    /// The expected refusal: 401, 403, or none.
    pub fn refusal(&self, line: &Line) -> Option<u16> {
        let allowed = |it: bool| if it { None } else { Some(403) };
        match (line.who, &self.may) {
            (Who::Anyone | Who::Machine, _) => None,
            (_, May::Nothing) => Some(401),
            (Who::Member, _) => None,
            (Who::Superadmin, May::Superadmin) => None,
            (Who::Superadmin, _) => Some(403),
            (Who::Least(least), May::Role(role)) => allowed(*role >= least),
            (Who::Least(_), May::Scope(scope)) => allowed(line.scopes == [scope.as_str()]),
            (Who::Least(_), May::Agent) => {
                allowed(line.scopes.iter().all(|it| AGENT_SCOPES.contains(&it.as_str())))
            }
            (Who::Least(_), May::Superadmin) => {
                allowed(!line.scopes.is_empty() && line.scopes.iter().all(|it| it.starts_with("profile:")))
            }
        }
    }

    pub fn calls(&self, kind: Kind) -> bool {
        kind != Kind::Page || self.cookie.is_some() || self.name == "anonymous"
    }
}

pub async fn all(appliance: &Appliance, clock: &Arc<HeldClock>, stranger: &Caller) -> Vec<Principal> {
    let owner = appliance.owner().await;
    let mut people = vec![principal("anonymous", May::Nothing, appliance.anonymous())];

    let late = appliance.join(&owner, Role::Owner).await;
    let short_key = expiring_key(&late, clock).await;
    clock.advance_ms(700_000);
    people.push(principal("expired token", May::Nothing, late.http.clone()));
    people.push(principal("expired key", May::Nothing, short_key));

    // The first owner runs the appliance too, so that the roles are shown by others.
    let owner = appliance.log_in(&owner.email).await;
    for role in Role::ALL {
        let person = appliance.join(&owner, *role).await;
        people.push(with_cookie(appliance, role.name(), May::Role(*role), &person).await);
    }
    let suspended = appliance.join(&owner, Role::Owner).await;
    let removed = appliance.join(&owner, Role::Owner).await;
    let disabled = appliance.join(&owner, Role::Owner).await;
    for (name, person) in [("suspended", &suspended), ("removed", &removed), ("disabled", &disabled)] {
        let known = with_cookie(appliance, name, May::Nothing, person).await;
        let key = person.key(&["org:read", "agents:read"]).await;
        people.push(principal(&format!("key of {name}"), May::Nothing, key));
        people.push(known);
    }
    let path = |id: reeve::base::UserId| format!("/api/org/members/{id}");
    owner.put(&path(suspended.id), json!({"status": "suspended"})).await.expect(200);
    owner.delete(&path(removed.id)).await.expect(204);
    console::set_disabled(&appliance.inner.services, &disabled.email, true).await.expect("disables");

    people.push(invited(appliance, &owner, stranger).await);
    people.push(superadmin(appliance, &owner).await);

    let keeper = appliance.join(&owner, Role::Owner).await;
    for action in Action::ALL {
        let scope = action.scope();
        let key = keeper.key(&[scope]).await;
        people.push(principal(&format!("key {scope}"), May::Scope(scope.to_owned()), key));
    }
    let key = keeper.key(&[super::objects::missing()["agent"].as_str()]).await;
    people.push(principal("key of an agent", May::Agent, key));
    people
}

fn principal(name: &str, may: May, token: Http) -> Principal {
    Principal { name: name.to_owned(), may, token, email: None, cookie: None }
}

async fn with_cookie(appliance: &Appliance, name: &str, may: May, person: &Caller) -> Principal {
    let cookie = crate::access::browser(appliance, &person.email).await;
    let email = Some(person.email.clone());
    Principal { name: name.to_owned(), may, token: person.http.clone(), email, cookie: Some(cookie) }
}

async fn expiring_key(person: &Caller, clock: &Arc<HeldClock>) -> Http {
    use reeve::base::Clock as _;
    let end = clock.now().plus_ms(1_000);
    let body = json!({"name": "short", "scopes": ["org:read"], "expires_at": end});
    let made = person.post("/api/api-keys", body).await.expect(201);
    person.http.bearer(made["secret"].as_str().expect("a secret"))
}

/// Someone of another organization who was asked to be an admin here and has not answered: their log-in to this
/// organization is refused, and what they have instead is no token.
async fn invited(appliance: &Appliance, owner: &Caller, stranger: &Caller) -> Principal {
    let asked = json!({"email": stranger.email, "role": "admin"});
    let invitation = owner.post("/api/org/invitations", asked).await.expect(201);
    let body = json!({"email": stranger.email, "password": PASSWORD, "org_id": owner.org});
    appliance.anonymous().post("/api/auth/login", body).await.expect_error(401, "Unauthenticated");
    let token = invitation["token"].as_str().expect("a token");
    principal("invited", May::Nothing, appliance.anonymous().bearer(token))
}

async fn superadmin(appliance: &Appliance, owner: &Caller) -> Principal {
    let person = appliance.join(owner, Role::Viewer).await;
    console::make_admin(&appliance.inner.services, &person.email).await.expect("makes");
    owner.delete(&format!("/api/org/members/{}", person.id)).await.expect(204);
    let person = appliance.log_in(&person.email).await;
    with_cookie(appliance, "superadmin", May::Superadmin, &person).await
}
