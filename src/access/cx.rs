//! The context that comes first in every call: whose organization, who acts, what they may.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::idempotency::Idempotency;
use super::role::{Action, Role};
use super::services::Services;
use crate::audit;
use crate::base::{
    Actor, AgentId, Code, Env, Error, Id, OrgId, Origin, Result, SessionId, Timestamp, UserId,
};
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
    session: Option<SessionId>,
    csrf: Option<Arc<str>>,
    idempotency: Option<Arc<Idempotency>>,
    services: Arc<Services>,
}

/// Who a `Cx` is made for.
pub(super) struct Principal {
    pub org: OrgId,
    pub actor: Actor,
    pub role: Role,
    pub superadmin: bool,
    pub scopes: Scopes,
    /// Of a log-in; a key has none.
    pub session: Option<SessionId>,
    /// What a browser's changing requests must carry.
    pub csrf: Option<Arc<str>>,
}

impl Cx {
    pub(super) fn new(principal: Principal, origin: Origin, services: Arc<Services>) -> Self {
        let Principal { org, actor, role, superadmin, scopes, session, csrf } = principal;
        Self(Arc::new(Inner {
            org,
            actor,
            role,
            superadmin,
            scopes,
            origin,
            session,
            csrf,
            idempotency: None,
            services,
        }))
    }

    /// For background work of the program itself, in one organization.
    pub fn system(services: &Arc<Services>, org: OrgId, part: &str) -> Self {
        let principal = Principal {
            org,
            actor: Actor::system(part),
            role: Role::Owner,
            superadmin: false,
            scopes: Scopes::All,
            session: None,
            csrf: None,
        };
        Self::new(principal, Origin::default(), services.clone())
    }

    /// As this one, for a request that carries a key.
    pub fn with_idempotency(&self, idempotency: Arc<Idempotency>) -> Self {
        let it = &self.0;
        Self(Arc::new(Inner {
            org: it.org,
            actor: it.actor.clone(),
            role: it.role,
            superadmin: it.superadmin,
            scopes: it.scopes.clone(),
            origin: it.origin.clone(),
            session: it.session,
            csrf: it.csrf.clone(),
            idempotency: Some(idempotency),
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

    /// The caller's W3C trace context.
    pub fn traceparent(&self) -> Option<&str> {
        self.0.origin.traceparent.as_deref()
    }

    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The session that this call was made with; none for a key.
    pub fn session_id(&self) -> Option<SessionId> {
        self.0.session
    }

    /// The token that changing requests of this browser session carry, as the header `X-CSRF-Token` or the form
    /// field `csrf_token`.
    pub fn csrf_token(&self) -> Option<&str> {
        self.0.csrf.as_deref()
    }

    pub fn idempotency(&self) -> Option<&Arc<Idempotency>> {
        self.0.idempotency.as_ref()
    }

    /// Says what this request makes, so that a repetition whose answer was lost can be led to it. Call it
    /// before or within the transaction that makes it.
    pub fn idempotent_resource(&self, kind: &str, id: impl std::fmt::Display) {
        if let Some(it) = self.idempotency() {
            it.name_resource(kind, id.to_string());
        }
    }

    /// What an earlier request with the same key made, where it named something of this kind: the caller
    /// continues with that instead of making a second one. Ask before the work, and again where `write`
    /// answered `Conflict`, because two requests may race.
    pub fn idempotent_twin(&self, kind: &str) -> Result<Option<String>> {
        let Some(it) = self.idempotency() else { return Ok(None) };
        let first = it.first(&self.read()?)?;
        Ok(first.and_then(|it| it.resource).filter(|it| it.kind == kind).map(|it| it.id))
    }

    /// For those who open a transaction of their own: the last thing they do in it, so that the request's key
    /// is remembered with the work. `write` does it by itself.
    ///
    /// Errors: `Conflict` where a twin was first; the transaction must fail with it.
    pub fn claim(&self, tx: &mut OrgTx<'_, '_>) -> Result<()> {
        let Some(it) = self.idempotency() else { return Ok(()) };
        it.check(tx)?;
        it.claim(tx)
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
            Scopes::Only { agents, .. } if !agents.is_empty() && action.comes_with_an_agent() => Ok(()),
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

    /// One transaction in this organization. When it returns `Ok`, the changes survive a power cut, and so does
    /// the memory of the request's `Idempotency-Key`.
    ///
    /// Errors: those of the closure; `Conflict` where a twin of the request was first.
    pub async fn write<T: Send + 'static>(
        &self,
        closure: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(idempotency) = self.idempotency().cloned() else {
            return self.0.services.store.write_org(self.org(), closure).await;
        };
        let once = move |tx: &mut OrgTx<'_, '_>| {
            idempotency.check(tx)?;
            let done = closure(tx)?;
            idempotency.claim(tx)?;
            Ok(done)
        };
        self.0.services.store.write_org(self.org(), once).await
    }

    /// Writes the audit entry of a change, in the change's own transaction.
    pub fn note(&self, tx: &mut OrgTx<'_, '_>, entry: audit::Note) -> Result<()> {
        audit::append(tx, self.env(), &self.0.actor, &self.0.origin, entry)
    }
}

fn out_of_scope(action: Action) -> Error {
    Error::new(Code::AgentAccessDenied, format!("this key's scopes do not include {}", action.scope()))
        .detail("needed_scope", action.scope())
}
