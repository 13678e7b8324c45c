//! Roles, and what each may do. An action's name is also the scope that an API key needs for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees.
    Viewer,
    /// Runs, cancels, retries.
    Operator,
    /// Builds agents and keeps their credentials.
    Builder,
    /// Keeps members, keys of others, audit.
    Admin,
    /// Everything, also giving the organization away.
    Owner,
}

impl Role {
    pub const ALL: &'static [Role] = &[Self::Viewer, Self::Operator, Self::Builder, Self::Admin, Self::Owner];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Builder => "builder",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn may(self, action: Action) -> bool {
        self >= action.least_role()
    }
}

macro_rules! actions {
    ($($name:ident $scope:literal $role:ident,)*) => {
        /// Something that can be allowed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Action { $(#[serde(rename = $scope)] $name,)* }

        impl Action {
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];

            /// The scope of an API key that allows it.
            pub const fn scope(self) -> &'static str {
                match self { $(Action::$name => $scope,)* }
            }

            /// The least role that may do it.
            pub const fn least_role(self) -> Role {
                match self { $(Action::$name => Role::$role,)* }
            }
        }
    };
}

actions! {
    AgentsRead "agents:read" Viewer,
    AgentsWrite "agents:write" Builder,
    AgentsPublish "agents:publish" Builder,
    AgentsTest "agents:test" Builder,
    AgentsShare "agents:share" Builder,
    AgentsExecute "agents:execute" Operator,
    WorkflowsRead "workflows:read" Viewer,
    WorkflowsWrite "workflows:write" Builder,
    WorkflowsExecute "workflows:execute" Operator,
    ExecutionsRead "executions:read" Viewer,
    ExecutionsCancel "executions:cancel" Operator,
    ExecutionsRetry "executions:retry" Operator,
    SchedulesRead "schedules:read" Viewer,
    SchedulesWrite "schedules:write" Builder,
    SchedulesRun "schedules:run" Operator,
    CredentialsRead "credentials:read" Builder,
    CredentialsWrite "credentials:write" Builder,
    TriggersRead "triggers:read" Viewer,
    TriggersWrite "triggers:write" Builder,
    EventsPublish "events:publish" Operator,
    WebhooksRead "webhooks:read" Admin,
    WebhooksWrite "webhooks:write" Admin,
    BudgetsRead "budgets:read" Admin,
    BudgetsWrite "budgets:write" Admin,
    OrgRead "org:read" Viewer,
    OrgWrite "org:write" Admin,
    MembersRead "members:read" Viewer,
    MembersWrite "members:write" Admin,
    KeysRead "keys:read" Viewer,
    KeysWrite "keys:write" Viewer,
    ProfileRead "profile:read" Viewer,
    ProfileWrite "profile:write" Viewer,
    AuditRead "audit:read" Admin,
    EgressRead "egress:read" Admin,
    InsightsRead "insights:read" Viewer,
}

impl Action {
    pub fn from_scope(scope: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.scope() == scope)
    }

    /// Whether a key that is bound to single agents may do this with them.
    pub const fn comes_with_an_agent(self) -> bool {
        matches!(self, Self::AgentsRead | Self::AgentsExecute | Self::ExecutionsRead | Self::ExecutionsCancel)
    }
}
