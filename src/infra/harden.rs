//! What the process denies itself at its start, so that secrets in its memory stay there.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit};

use crate::base::{Doing, Result};

/// From now on: no core dump, no debugger of the same user, and new files are for our user alone. Children
/// inherit the limit and the mask. Called first thing, before threads, files or secrets.
///
/// Errors: `Internal` where the system refuses.
pub fn harden() -> Result<()> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .doing("forbid core dumps")?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .doing("make the process non-dumpable")?;
    Ok(())
}

/// Whether all of it holds: what `reeve doctor` reports.
pub fn is_hardened() -> bool {
    let core = rustix::process::getrlimit(Resource::Core);
    #[cfg(target_os = "linux")]
    let closed =
        matches!(rustix::process::dumpable_behavior(), Ok(rustix::process::DumpableBehavior::NotDumpable));
    #[cfg(not(target_os = "linux"))]
    let closed = true;
    closed && core.current == Some(0) && core.maximum == Some(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_hardened_process_dumps_nothing_and_makes_private_files() {
        harden().expect("hardens");
        assert!(is_hardened());
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("made");
        std::fs::write(&path, b"x").expect("writes");
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }
}
