//! Points at which a test lets this program fail, at an instant that it could not hit otherwise.
//!
//! A point is one line where something has just been done, or is about to be: `fault!("engine.end.written");`, and
//! `fault!("audit.append"?);` where it may also fail in order. What is released is built without debug assertions and
//! holds nothing of them, not even the names.
//!
//! `FAULT_POINT=name:action` arms one point of a process, once, when it is reached for the first time;
//! `name:action:3` for the third time. The actions are `panic`, `abort`, `error` and `delay` (two seconds). What
//! happened is told on the standard error.

#[cfg(debug_assertions)]
macro_rules! fault {
    ($name:literal) => {
        $crate::infra::faults::reached($name)
    };
    ($name:literal ?) => {
        $crate::infra::faults::failed_at($name)?
    };
}

#[cfg(not(debug_assertions))]
macro_rules! fault {
    ($name:literal) => {};
    ($name:literal ?) => {};
}

pub(crate) use fault;

#[cfg(debug_assertions)]
pub(crate) use armed::{failed_at, reached};

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::time::Duration;

    use tokio::runtime::{Handle, RuntimeFlavor};

    use crate::base::Error;
    use crate::infra::store::StoreError;

    const DELAY: Duration = Duration::from_secs(2);

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| Armed::of(&std::env::var("FAULT_POINT").ok()?));

    struct Armed {
        name: String,
        action: Action,
        /// So often it is reached before anything happens; below zero it has happened.
        left: AtomicU64,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        Panic,
        Abort,
        Error,
        Delay,
    }

    impl Armed {
        fn of(text: &str) -> Option<Self> {
            let mut parts = text.split(':');
            let name = parts.next()?.to_owned();
            let action = match parts.next()? {
                "panic" => Action::Panic,
                "abort" => Action::Abort,
                "error" => Action::Error,
                "delay" => Action::Delay,
                _ => return None,
            };
            let nth = parts.next().map_or(Some(1), |it| it.parse().ok())?;
            Some(Self { name, action, left: AtomicU64::new(nth) })
        }
    }

    /// What a point answers that is to fail in order.
    pub(crate) struct Fault;

    impl From<Fault> for Error {
        fn from(_: Fault) -> Self {
            Self::internal("go on", "a test wants it to fail here")
        }
    }

    impl From<Fault> for StoreError {
        fn from(_: Fault) -> Self {
            Self::Broken("a test wants it to fail here".to_owned())
        }
    }

    /// A point where no error could be told.
    pub(crate) fn reached(name: &str) {
        let _ = failed_at(name);
    }

    /// A point that may fail in order.
    pub(crate) fn failed_at(name: &str) -> Result<(), Fault> {
        let Some(armed) = ARMED.as_ref().filter(|it| it.name == name) else { return Ok(()) };
        // Whoever finds it at one has the turn.
        if armed.left.fetch_update(SeqCst, SeqCst, |it| it.checked_sub(1)) != Ok(1) {
            return Ok(());
        }
        eprintln!("fault point {name}: {:?}", armed.action);
        match armed.action {
            Action::Panic => panic!("a test wants a panic at {name}"),
            Action::Abort => std::process::abort(),
            Action::Error => Err(Fault),
            Action::Delay => {
                stand_still();
                Ok(())
            }
        }
    }

    /// Stops this task or thread; where the runtime has others for it, its other tasks go on.
    fn stand_still() {
        let sleep = || std::thread::sleep(DELAY);
        match Handle::try_current().map(|it| it.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(sleep),
            _ => sleep(),
        }
    }
}
