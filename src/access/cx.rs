//! The context that comes first in every call: whose organization, who acts, what they may.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::role::{Action, Role};
use super::services::Services;
use crate::audit;
use crate::base::{Actor, AgentId, Code, Env, Error, Id, OrgId, Origin, Result, Timestamp, UserId};
use crate::infra::store::{OrgTx, PerOrg, View};

/// What the token itself allows, beside the role of the person behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scopes {
    /// Whatever the role allows: a log-in.
    All,
    /// An API key's: these actions, and running and reading these agents.
    Only { actions: BTreeSet<Action>, agents: BTreeSet<AgentId> },
}

/// One caller in one organization, for the time of one request or one piece of background work. Cheap to
/// clone. Made by `access` alone, from a confirmed and active membership.
#[derive(Clone)]
pub struct Cx(Arc<Inner>);

struct Inner {
    org: OrgId,
    actor: Actor,
    role: Role,
    superadmin: bool,
    scopes: Scopes,
    origin: Origin,
    idempotency: Option<Idempotency>,
    services: Arc<Services>,
}

/// The caller's `Idempotency-Key`, hashed with its scope, and the hash of the request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: [u8; 32],
    pub body: [u8; 32],
}

/// Who a `Cx` is made for.
pub(super) struct Principal {
    pub org: OrgId,
    pub actor: Actor,
    pub role: Role,
    pub superadmin: bool,
    pub scopes: Scopes,
}

impl Cx {
    pub(super) fn new(principal: Principal, origin: Origin, services: Arc<Services>) -> Self {
        let Principal { org, actor, role, superadmin, scopes } = principal;
        Self(Arc::new(Inner { org, actor, role, superadmin, scopes, origin, idempotency: None, services }))
    }

    /// For background work of the program itself, in one organization.
    pub fn system(services: &Arc<Services>, org: OrgId, part: &str) -> Self {
        let principal = Principal {
            org,
            actor: Actor::system(part),
            role: Role::Owner,
            superadmin: false,
            scopes: Scopes::All,
        };
        Self::new(principal, Origin::default(), services.clone())
    }

    pub fn with_idempotency(&self, idempotency: Option<Idempotency>) -> Self {
        let it = &self.0;
        Self(Arc::new(Inner {
            org: it.org,
            actor: it.actor.clone(),
            role: it.role,
            superadmin: it.superadmin,
            scopes: it.scopes.clone(),
            origin: it.origin.clone(),
            idempotency,
            services: it.services.clone(),
        }))
    }

    pub fn org(&self) -> OrgId {
        self.0.org
    }

    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.0.actor.user_id()
    }

    pub fn role(&self) -> Role {
        self.0.role
    }

    pub fn is_superadmin(&self) -> bool {
        self.0.superadmin
    }

    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    pub fn idempotency(&self) -> Option<&Idempotency> {
        self.0.idempotency.as_ref()
    }

    pub fn services(&self) -> &Arc<Services> {
        &self.0.services
    }

    pub fn env(&self) -> &Env {
        &self.0.services.env
    }

    pub fn now(&self) -> Timestamp {
        self.env().now()
    }

    /// A new id, in order of creation.
    pub fn id<T: Id>(&self) -> T {
        self.env().id()
    }

    /// Whether role and token allow `action` at all.
    pub fn may(&self, action: Action) -> bool {
        self.require(action).is_ok()
    }

    /// Errors: `InsufficientPermissions` where the role, `AgentAccessDenied` where the token does not reach.
    /// A key that is bound to single agents passes for actions on agents; the agent itself is checked by
    /// `require_on`.
    pub fn require(&self, action: Action) -> Result<()> {
        if !self.0.role.may(action) {
            return Err(Error::forbidden(format!(
                "this needs the role {} or a higher one",
                action.least_role().name()
            ))
            .detail("needed_role", action.least_role().name())
            .detail("your_role", self.0.role.name()));
        }
        match &self.0.scopes {
            Scopes::All => Ok(()),
            Scopes::Only { actions, .. } if actions.contains(&action) => Ok(()),
            Scopes::Only { agents, .. } if !agents.is_empty() && AGENT_ACTIONS.contains(&action) => Ok(()),
            Scopes::Only { .. } => Err(out_of_scope(action)),
        }
    }

    /// As `require`, for one agent.
    pub fn require_on(&self, action: Action, agent: AgentId) -> Result<()> {
        self.require(action)?;
        match &self.0.scopes {
            Scopes::Only { actions, agents } if !actions.contains(&action) && !agents.contains(&agent) => {
                Err(out_of_scope(action))
            }
            _ => Ok(()),
        }
    }

    /// The last commit, seen from this organization.
    pub fn read(&self) -> Result<View<PerOrg>> {
        self.0.services.store.org(self.org())
    }

    /// One transaction in this organization. When it returns `Ok`, the changes survive a power cut.
    pub async fn write<T: Send + 'static>(
        &self,
        closure: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.0.services.store.write_org(self.org(), closure).await
    }

    /// Writes the audit entry of a change, in the change's own transaction.
    pub fn note(&self, tx: &mut OrgTx<'_, '_>, entry: audit::Note) -> Result<()> {
        audit::append(tx, self.env(), &self.0.actor, &self.0.origin, entry)
    }
}

/// What a key that is bound to single agents may do with them.
const AGENT_ACTIONS: &[Action] =
    &[Action::AgentsRead, Action::AgentsExecute, Action::ExecutionsRead, Action::ExecutionsCancel];

fn out_of_scope(action: Action) -> Error {
    Error::new(Code::AgentAccessDenied, format!("this key's scopes do not include {}", action.scope()))
        .detail("needed_scope", action.scope())
}
