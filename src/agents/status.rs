//! The life of an agent: `draft` → `published` → `deprecated` → `archived`. One table says what may be done in
//! which state, and what comes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result};

#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentStatus")]
pub enum Status {
    /// Runs only in the test console.
    #[default]
    Draft,
    /// Runs; its current version never changes.
    Published,
    /// Runs, and every answer says that it should no longer be used.
    Deprecated,
    /// Does not run. The end: it can be read, cloned and deleted.
    Archived,
}

impl Status {
    pub const ALL: &'static [Self] = &[Self::Draft, Self::Published, Self::Deprecated, Self::Archived];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Deprecated => "deprecated",
            Self::Archived => "archived",
        }
    }

    /// Whether its current version runs.
    pub const fn runs(self) -> bool {
        matches!(self, Self::Published | Self::Deprecated)
    }
}

/// What changes an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Edit,
    Publish,
    /// An older published version becomes the current one.
    Rollback,
    Deprecate,
    Archive,
    Enable,
    Disable,
}

impl Verb {
    pub const ALL: &'static [Self] = &[
        Self::Edit,
        Self::Publish,
        Self::Rollback,
        Self::Deprecate,
        Self::Archive,
        Self::Enable,
        Self::Disable,
    ];

    const fn done(self) -> &'static str {
        match self {
            Self::Edit => "edited",
            Self::Publish => "published",
            Self::Rollback => "rolled back",
            Self::Deprecate => "deprecated",
            Self::Archive => "archived",
            Self::Enable => "enabled",
            Self::Disable => "disabled",
        }
    }
}

/// The state after `verb`; `None` where the state does not allow it. Doing again what is already done changes
/// nothing and is allowed.
pub const fn after(status: Status, verb: Verb) -> Option<Status> {
    use Status::{Archived, Deprecated, Draft, Published};
    match (status, verb) {
        (Draft, Verb::Rollback | Verb::Deprecate) => None,
        (Archived, Verb::Archive) => Some(Archived),
        (Archived, _) => None,
        (_, Verb::Publish | Verb::Rollback) => Some(Published),
        (_, Verb::Deprecate) => Some(Deprecated),
        (_, Verb::Archive) => Some(Archived),
        (same, Verb::Edit | Verb::Enable | Verb::Disable) => Some(same),
    }
}

/// As `after`. Errors: `VersionConflict` that says what would be right.
pub(super) fn step(status: Status, verb: Verb) -> Result<Status> {
    after(status, verb).ok_or_else(|| {
        let error = Error::new(
            Code::VersionConflict,
            format!("an agent that is {} cannot be {}", status.name(), verb.done()),
        )
        .detail("status", status.name());
        match status {
            Status::Archived => error.suggest("clone it, and go on with the clone"),
            _ => error.suggest("publish a version of it first"),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verbs() -> impl Strategy<Value = Vec<Verb>> {
        proptest::collection::vec(proptest::sample::select(Verb::ALL), 0..40)
    }

    proptest! {
        #[test]
        fn every_walk_keeps_the_laws(verbs in verbs()) {
            let (mut status, mut published) = (Status::Draft, false);
            for verb in verbs {
                let Some(next) = after(status, verb) else { continue };
                published |= verb == Verb::Publish;
                prop_assert!(status != Status::Archived || next == Status::Archived, "archived is the end");
                prop_assert!(next != Status::Draft || status == Status::Draft, "nothing becomes a draft again");
                prop_assert!(!next.runs() || published, "nothing runs that was never published");
                prop_assert!(next >= status || matches!(verb, Verb::Publish | Verb::Rollback), "only publishing leads back");
                prop_assert_eq!(after(next, verb), Some(next), "doing it again changes nothing");
                status = next;
            }
        }
    }

    #[test]
    fn the_table_is_as_documented() {
        use Status::{Archived, Deprecated, Draft, Published};
        let expected = [
            (Verb::Edit, [Some(Draft), Some(Published), Some(Deprecated), None]),
            (Verb::Publish, [Some(Published), Some(Published), Some(Published), None]),
            (Verb::Rollback, [None, Some(Published), Some(Published), None]),
            (Verb::Deprecate, [None, Some(Deprecated), Some(Deprecated), None]),
            (Verb::Archive, [Some(Archived); 4]),
            (Verb::Enable, [Some(Draft), Some(Published), Some(Deprecated), None]),
            (Verb::Disable, [Some(Draft), Some(Published), Some(Deprecated), None]),
        ];
        assert_eq!(expected.len(), Verb::ALL.len());
        for (verb, row) in expected {
            for (status, next) in Status::ALL.iter().zip(row) {
                assert_eq!(after(*status, verb), next, "{status:?} {verb:?}");
                assert_eq!(step(*status, verb).is_ok(), next.is_some());
            }
        }
    }
}
