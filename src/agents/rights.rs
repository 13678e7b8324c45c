//! Who may do what with one agent. Every question is answered by `access`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::{Agent, Visibility};
use crate::access::{Action, Cx, Role, Scopes};
use crate::base::{AgentId, Code, Error, Invalid, Result, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentRight")]
pub enum Right {
    Read,
    Execute,
    Write,
    /// Shares and deletes.
    Admin,
}

/// Rights for one person, or for everyone with a role or a higher one. Exactly one of the two is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AgentPermission")]
pub struct Grant {
    #[serde(default)]
    pub user_id: Option<UserId>,
    #[serde(default)]
    pub role: Option<Role>,
    /// `write` and `execute` include `read`; `admin` includes all.
    #[schemars(length(min = 1))]
    pub rights: Vec<Right>,
}

const MAX_GRANTS: usize = 200;

pub(super) fn check_grants(grants: &[Grant]) -> Result<()> {
    let mut wrong = Vec::new();
    let mut say = |path: String, message: &str| wrong.push(Invalid { path, message: message.to_owned() });
    if grants.len() > MAX_GRANTS {
        say("/permissions".into(), "there are at most 200 permissions");
    }
    for (place, grant) in grants.iter().enumerate() {
        if grant.user_id.is_some() == grant.role.is_some() {
            say(format!("/permissions/{place}"), "name either a user_id or a role");
        }
        if grant.rights.is_empty() {
            say(format!("/permissions/{place}/rights"), "name at least one right");
        }
        let same = |it: &Grant| it.user_id == grant.user_id && it.role == grant.role;
        if grants[..place].iter().any(same) {
            say(format!("/permissions/{place}"), "this user or role is already named above");
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid_fields(Code::ValidationFailed, wrong)) }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    pub read: bool,
    pub execute: bool,
    pub write: bool,
    pub admin: bool,
}

impl Rights {
    const ALL: Self = Self { read: true, execute: true, write: true, admin: true };

    fn add(&mut self, right: Right) {
        match right {
            Right::Read => {}
            Right::Execute => self.execute = true,
            Right::Write => self.write = true,
            Right::Admin => *self = Self::ALL,
        }
        self.read = true;
    }

    pub const fn has(self, right: Right) -> bool {
        match right {
            Right::Read => self.read,
            Right::Execute => self.execute,
            Right::Write => self.write,
            Right::Admin => self.admin,
        }
    }
}

/// The one who asks, as far as this decision is concerned.
struct Asking<'a> {
    user: Option<UserId>,
    role: Role,
    scopes: &'a Scopes,
}

/// What the caller may do with `agent`: what it was given, as far as role and token reach.
pub fn access(cx: &Cx, agent: &Agent) -> Rights {
    decide(&Asking { user: cx.user_id(), role: cx.role(), scopes: cx.scopes() }, agent)
}

fn decide(asking: &Asking<'_>, agent: &Agent) -> Rights {
    let mut rights = Rights::default();
    if asking.role >= Role::Admin || (agent.owner_id.is_some() && agent.owner_id == asking.user) {
        rights = Rights::ALL;
    }
    if agent.visibility != Visibility::Private {
        rights.add(Right::Execute);
    }
    let mine = |it: &&Grant| match (it.user_id, it.role) {
        (Some(user), _) => asking.user == Some(user),
        (None, Some(role)) => asking.role >= role,
        (None, None) => false,
    };
    for right in agent.grants.iter().filter(mine).flat_map(|it| &it.rights) {
        rights.add(*right);
    }
    let within = |action| asking.role.may(action) && in_scope(asking.scopes, action, agent.id);
    Rights {
        read: rights.read && within(Action::AgentsRead),
        execute: rights.execute && within(Action::AgentsExecute),
        write: rights.write && within(Action::AgentsWrite),
        admin: rights.admin && within(Action::AgentsShare),
    }
}

/// A key that is bound to single agents reads and runs those.
fn in_scope(scopes: &Scopes, action: Action, agent: AgentId) -> bool {
    match scopes {
        Scopes::All => true,
        Scopes::Only { actions, agents } => {
            actions.contains(&action)
                || (agents.contains(&agent) && matches!(action, Action::AgentsRead | Action::AgentsExecute))
        }
    }
}

/// Whether the token is bound to single agents and `agent` is none of them. Asked before anything is looked up,
/// so that the answer is the same whether the agent exists or not.
pub(super) fn check_scope(cx: &Cx, action: Action, agent: Option<AgentId>) -> Result<()> {
    cx.require(action)?;
    match (cx.scopes(), agent) {
        (Scopes::Only { actions, agents }, agent) if !actions.contains(&action) => {
            if agent.is_some_and(|it| agents.contains(&it)) {
                return Ok(());
            }
            Err(Error::new(Code::AgentAccessDenied, "this key is for other agents")
                .detail("needed_scope", action.scope()))
        }
        _ => Ok(()),
    }
}

/// Errors: `InsufficientPermissions` that names the right.
pub(super) fn need(cx: &Cx, agent: &Agent, right: Right) -> Result<()> {
    if access(cx, agent).has(right) {
        return Ok(());
    }
    let (name, action) = match right {
        Right::Read => ("read", Action::AgentsRead),
        Right::Execute => ("execute", Action::AgentsExecute),
        Right::Write => ("write", Action::AgentsWrite),
        Right::Admin => ("admin", Action::AgentsShare),
    };
    cx.require(action)?;
    Err(Error::forbidden(format!("this needs the right to {name} this agent"))
        .detail("needed_right", name)
        .suggest("ask its owner or an admin to share it with you"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::tests::{an_agent, id};
    use super::*;

    fn asks(user: u128, role: Role, agent: &Agent) -> Rights {
        decide(&Asking { user: Some(id(user)), role, scopes: &Scopes::All }, agent)
    }

    #[test]
    fn a_private_agent_is_its_owners_and_the_admins() {
        let agent = an_agent(1);
        assert_eq!(asks(1, Role::Builder, &agent), Rights::ALL);
        assert_eq!(asks(2, Role::Admin, &agent), Rights::ALL);
        assert_eq!(asks(2, Role::Builder, &agent), Rights::default());
    }

    #[test]
    fn a_visible_agent_is_read_and_run_by_those_whose_role_allows_it() {
        for visibility in [Visibility::Team, Visibility::Organization, Visibility::Public] {
            let agent = Agent { visibility, ..an_agent(1) };
            let reads = Rights { read: true, ..Rights::default() };
            assert_eq!(asks(2, Role::Viewer, &agent), reads);
            assert_eq!(asks(2, Role::Builder, &agent), Rights { execute: true, ..reads });
        }
    }

    #[test]
    fn a_key_for_another_agent_sees_nothing() {
        let agent = an_agent(1);
        let key = |agents: &[AgentId]| Scopes::Only {
            actions: BTreeSet::new(),
            agents: agents.iter().copied().collect(),
        };
        let with = |scopes: &Scopes| decide(&Asking { user: Some(id(1)), role: Role::Owner, scopes }, &agent);
        assert_eq!(with(&key(&[id(77)])), Rights::default());
        assert_eq!(with(&key(&[agent.id])), Rights { read: true, execute: true, ..Rights::default() });
    }

    fn any_right() -> impl Strategy<Value = Right> {
        proptest::sample::select(&[Right::Read, Right::Execute, Right::Write, Right::Admin][..])
    }

    proptest! {
        #[test]
        fn rights_never_exceed_the_role(rights in proptest::collection::vec(any_right(), 0..4), role in proptest::sample::select(Role::ALL)) {
            let grants = vec![Grant { user_id: Some(id(2)), role: None, rights: rights.clone() }];
            let agent = Agent { grants, ..an_agent(1) };
            let got = asks(2, role, &agent);
            prop_assert!(!got.execute || role.may(Action::AgentsExecute));
            prop_assert!(!got.write || role.may(Action::AgentsWrite));
            prop_assert!(!got.admin || role.may(Action::AgentsShare));
            prop_assert!(got.read || !(got.execute || got.write || got.admin));
            prop_assert_eq!(got.read, !rights.is_empty() || role >= Role::Admin);
            if role < Role::Admin {
                prop_assert_eq!(asks(3, role, &agent), Rights::default(), "a grant is for nobody else");
            }
        }
    }

    #[test]
    fn grants_name_one_and_only_once() {
        let ok = Grant { user_id: None, role: Some(Role::Operator), rights: vec![Right::Execute] };
        assert!(check_grants(std::slice::from_ref(&ok)).is_ok());
        for wrong in [
            vec![ok.clone(), ok.clone()],
            vec![Grant { user_id: Some(id(1)), ..ok.clone() }],
            vec![Grant { role: None, ..ok.clone() }],
            vec![Grant { rights: vec![], ..ok.clone() }],
            vec![ok; 201],
        ] {
            assert!(check_grants(&wrong).is_err(), "{wrong:?}");
        }
    }
}
