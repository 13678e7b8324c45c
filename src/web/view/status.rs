//! Every status in one table: the word, how it is said, its tone and its shape. Colour is never alone.

/// What a colour means, everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
    /// Going on.
    Info,
    #[default]
    Idle,
}

impl Tone {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Idle => "idle",
        }
    }

    /// Anything unknown is `Idle`.
    pub fn from_name(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "warn" => Self::Warn,
            "bad" => Self::Bad,
            "info" => Self::Info,
            _ => Self::Idle,
        }
    }

    /// How a message of this tone reaches those who listen.
    pub fn role(self) -> &'static str {
        if self == Self::Bad { "alert" } else { "status" }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "check-circle",
            Self::Warn => "triangle",
            Self::Bad => "octagon-x",
            Self::Info | Self::Idle => "info",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub label: String,
    pub tone: Tone,
    /// A name in `static/icons.svg`.
    pub icon: &'static str,
}

/// Word, label, tone, shape.
const KNOWN: &[(&str, &str, Tone, &str)] = &[
    // executions
    ("pending", "Pending", Tone::Idle, "circle-dashed"),
    ("queued", "Queued", Tone::Idle, "circle-dashed"),
    ("running", "Running", Tone::Info, "circle-running"),
    ("waiting", "Waiting", Tone::Warn, "hand"),
    ("completed", "Completed", Tone::Ok, "check-circle"),
    ("failed", "Failed", Tone::Bad, "octagon-x"),
    ("cancelled", "Cancelled", Tone::Idle, "circle-slash"),
    ("timeout", "Timed out", Tone::Bad, "clock"),
    ("interrupted", "Interrupted", Tone::Bad, "zap"),
    ("skipped", "Skipped", Tone::Idle, "skip"),
    // agent versions
    ("draft", "Draft", Tone::Idle, "pencil"),
    ("published", "Published", Tone::Ok, "check-circle"),
    ("deprecated", "Deprecated", Tone::Warn, "triangle"),
    ("archived", "Archived", Tone::Idle, "archive"),
    // health
    ("healthy", "Healthy", Tone::Ok, "heart"),
    ("degraded", "Degraded", Tone::Warn, "triangle"),
    ("unhealthy", "Unhealthy", Tone::Bad, "diamond-x"),
    ("unknown", "Unknown", Tone::Idle, "question"),
    // switches
    ("enabled", "Enabled", Tone::Ok, "check-circle"),
    ("disabled", "Disabled", Tone::Idle, "circle-slash"),
    ("stopped", "Stopped", Tone::Bad, "hand"),
    // people, keys, invitations
    ("active", "Active", Tone::Ok, "check-circle"),
    ("invited", "Invited", Tone::Info, "mail"),
    ("suspended", "Suspended", Tone::Warn, "pause"),
    ("expired", "Expired", Tone::Idle, "clock"),
    ("revoked", "Revoked", Tone::Bad, "circle-slash"),
    // hits, deliveries, endpoints
    ("accepted", "Accepted", Tone::Ok, "check-circle"),
    ("filtered", "Filtered", Tone::Idle, "filter"),
    ("refused", "Refused", Tone::Bad, "octagon-x"),
    ("deduplicated", "Repeated", Tone::Idle, "copy"),
    ("delivered", "Delivered", Tone::Ok, "check-circle"),
    ("failing", "Failing", Tone::Warn, "triangle"),
    ("paused", "Paused", Tone::Idle, "pause"),
    // outcomes
    ("ok", "OK", Tone::Ok, "check-circle"),
    ("warning", "Warning", Tone::Warn, "triangle"),
    ("error", "Error", Tone::Bad, "octagon-x"),
    ("denied", "Denied", Tone::Bad, "lock"),
];

impl Status {
    /// A word that nobody has listed is shown as it is, in the quiet tone.
    pub fn of(word: &str) -> Self {
        KNOWN.iter().find(|it| it.0 == word).map_or_else(
            || Self { label: word.to_owned(), tone: Tone::Idle, icon: "question" },
            |(_, label, tone, icon)| Self { label: (*label).to_owned(), tone: *tone, icon },
        )
    }
}

/// Every word that has a shape and a tone.
pub fn words() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|it| it.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_word_is_listed_twice_and_every_shape_is_drawn() {
        let words: BTreeSet<_> = KNOWN.iter().map(|it| it.0).collect();
        assert_eq!(words.len(), KNOWN.len());
        let sprite = include_str!("../../../static/icons.svg");
        let tones = [Tone::Ok, Tone::Warn, Tone::Bad, Tone::Info, Tone::Idle];
        for icon in KNOWN.iter().map(|it| it.3).chain(tones.map(Tone::icon)) {
            assert!(sprite.contains(&format!("id=\"{icon}\"")), "icons.svg has no {icon}");
        }
    }

    #[test]
    fn what_is_unlike_in_kind_is_unlike_in_shape() {
        for (one, other) in [("completed", "failed"), ("failed", "timeout"), ("healthy", "unhealthy")] {
            assert_ne!(Status::of(one).icon, Status::of(other).icon);
        }
        assert_eq!(Status::of("brand new").label, "brand new");
    }
}
