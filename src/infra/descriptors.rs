//! How many files and connections the process may hold open.

use rustix::process::{Resource, Rlimit};

/// Fewer than this are not enough for a team and its agents.
pub const ENOUGH: u64 = 4_096;
/// For the database, the log, the runtime, and calls that runs make.
const KEPT: u64 = 32;
/// Connections beyond this are counted by nobody.
const MOST: u64 = 50_000;

/// Takes as many as the system allows us: what a process is given at first (often 1,024) is for programs that use
/// `select`. Answers how many there are now.
pub fn take_all_allowed() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match rustix::process::setrlimit(Resource::Nofile, wanted) {
        Ok(()) => allowed(wanted),
        Err(_) => allowed(limit),
    }
}

/// How many the system would allow us.
pub fn allowed_at_most() -> u64 {
    rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

fn allowed(limit: Rlimit) -> u64 {
    limit.current.unwrap_or(u64::MAX)
}

/// Connections that may be open at once. Those that come then wait until others go: what is at work needs files and
/// connections of its own, and would fail without them.
pub fn most_connections() -> usize {
    share(allowed(rustix::process::getrlimit(Resource::Nofile)))
}

fn share(files: u64) -> usize {
    let left = files.saturating_sub(KEPT);
    usize::try_from((left / 2).max(files / 8).clamp(1, MOST)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_half_of_what_is_not_needed_otherwise() {
        for (files, connections) in [(64, 16), (128, 48), (256, 112), (1_024, 496), (u64::MAX, 50_000)] {
            assert_eq!(share(files), connections, "of {files}");
        }
    }
}
