//! People in an appliance, made the way people are: setup, invitation, log-in.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use reeve::access::{self, Role};
use reeve::base::{OrgId, UserId};
use reeve::infra::Secret;
use serde_json::{Value, json};

use super::{Appliance, http::Http};

pub const PASSWORD: &str = "seven quiet otters";
pub const SETUP_TOKEN: &str = "setup-token-of-this-test";
/// Of a key for a program that does whatever a test has it do.
pub const SCOPES: &[&str] = &[
    "agents:read",
    "agents:write",
    "agents:publish",
    "agents:execute",
    "agents:share",
    "executions:read",
    "executions:cancel",
    "executions:retry",
    "workflows:read",
    "workflows:write",
    "workflows:execute",
    "webhooks:read",
    "webhooks:write",
    "triggers:read",
    "triggers:write",
    "events:publish",
    "schedules:read",
    "schedules:write",
    "budgets:read",
    "budgets:write",
    "credentials:read",
    "credentials:write",
    "org:read",
    "org:write",
    "audit:read",
];

static NUMBER: AtomicUsize = AtomicUsize::new(1);

/// Someone who is logged in; as an `Http`, a client with their access token.
#[derive(Clone)]
pub struct Caller {
    pub id: UserId,
    pub email: String,
    pub org: OrgId,
    pub role: Role,
    pub access_token: String,
    pub refresh_token: String,
    pub http: Http,
}

impl Deref for Caller {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Appliance {
    /// The first owner, through setup.
    pub async fn owner(&self) -> Caller {
        self.owner.get_or_init(|| self.set_up()).await.clone()
    }

    async fn set_up(&self) -> Caller {
        let token = Secret::from(SETUP_TOKEN.to_owned());
        access::prepare_setup(&self.inner.services, Some(token)).await.expect("prepares");
        let body = json!({
            "token": SETUP_TOKEN, "org_name": "Mill", "email": "owner@mill.test", "password": PASSWORD,
        });
        self.anonymous().post("/api/setup", body).await.expect(201);
        self.log_in("owner@mill.test").await
    }

    /// A member of the first organization with `role`, logged in.
    pub async fn caller(&self, role: Role) -> Caller {
        let owner = self.owner().await;
        if role == Role::Owner { owner } else { self.join(&owner, role).await }
    }

    /// A new person who takes up an invitation of `host`'s and logs in there.
    pub async fn join(&self, host: &Caller, role: Role) -> Caller {
        let email = format!("{}{}@mill.test", role.name(), NUMBER.fetch_add(1, Relaxed));
        let invitation =
            host.post("/api/org/invitations", json!({"email": email, "role": role})).await.expect(201);
        let body =
            json!({"invite": invitation["token"], "email": email, "password": PASSWORD, "name": "Ada"});
        self.anonymous().post("/api/auth/register", body).await.expect(201);
        self.log_in(&email).await
    }

    /// The owner of another organization. Needs `auth.open_registration`.
    pub async fn stranger(&self) -> Caller {
        let email = format!("stranger{}@weir.test", NUMBER.fetch_add(1, Relaxed));
        let body = json!({"email": email, "password": PASSWORD, "org_name": "Weir"});
        self.anonymous().post("/api/auth/register", body).await.expect(201);
        self.log_in(&email).await
    }

    pub async fn log_in(&self, email: &str) -> Caller {
        let body = json!({"email": email, "password": PASSWORD});
        let tokens = self.anonymous().post("/api/auth/login", body).await.expect(200);
        self.with_tokens(&tokens).await
    }

    /// The caller behind a pair of tokens.
    pub async fn with_tokens(&self, tokens: &Value) -> Caller {
        let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
        let http = self.anonymous().bearer(&text("access_token"));
        let me = http.get("/api/users/me").await.expect(200);
        let parsed = |name: &str| me[name].as_str().expect("text").to_owned();
        Caller {
            id: parsed("id").parse().expect("an id"),
            email: parsed("email"),
            org: parsed("org_id").parse().expect("an id"),
            role: serde_json::from_value(me["role"].clone()).expect("a role"),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            http,
        }
    }
}

impl Caller {
    /// A client with a new API key of this person.
    pub async fn key(&self, scopes: &[&str]) -> Http {
        let made = self.post("/api/api-keys", json!({"name": "test", "scopes": scopes})).await.expect(201);
        self.http.bearer(made["secret"].as_str().expect("a secret"))
    }
}
