//! Closures on their way to the writer, and the way their callers wait.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use tokio::sync::oneshot;

use super::backend::StoreError;
use super::tx::WriteTx;
use crate::base::{Doing, Error, Result};
use crate::infra::fault;

#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// Runs also where the disk is below its floor: ends of runs, cancellations and deletions, which free more
    /// than they take.
    pub essential: bool,
}

/// A closure that waits, whatever it answers.
pub(super) trait Job: Send {
    fn is_essential(&self) -> bool;
    /// Runs the closure; `true` where its changes count.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool;
    /// Answers with `error`, in place of running.
    fn refuse(self: Box<Self>, error: Error);
    /// Answers, with the closure's own result where the commit succeeded.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Closure<T, F> {
    run: Option<F>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
    options: WriteOptions,
}

/// A job, and where its answer will be.
pub(super) fn job<T, F>(options: WriteOptions, run: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Closure { run: Some(run), result: None, reply, options }), answer)
}

impl<T, F> Job for Closure<T, F>
where
    T: Send,
    F: FnOnce(&mut WriteTx<'_>) -> Result<T> + Send,
{
    fn is_essential(&self) -> bool {
        self.options.essential
    }

    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool {
        let Some(run) = self.run.take() else { return false };
        let guarded = || {
            fault!("store.closure"?);
            run(tx)
        };
        let result = catch_unwind(AssertUnwindSafe(guarded))
            .unwrap_or_else(|_| Err("the closure panicked").doing("write"));
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn refuse(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let answer = match (self.result, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone().into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err("the closure never ran").doing("write"),
        };
        let _ = self.reply.send(answer);
    }
}

/// Waits on this thread. Unlike the runtime's own way, this may also be called where a runtime is entered,
/// which opening a store in a test does.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
