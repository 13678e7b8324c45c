//! How many files and connections the process may hold open.

use rustix::process::{Resource, Rlimit};

/// Fewer than this are not enough for a team and its agents.
pub const ENOUGH: u64 = 4_096;

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
