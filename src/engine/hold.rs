//! Runs that are held: they do not start, or go on, until someone releases them. A hold is a part of the task's
//! row, so that it survives the process, and a mark on the topic, which is what counts while this one lives.

use std::sync::Arc;

use super::face::{Engine, Inner};
use super::live::Topic;
use super::pen::{ESSENTIAL, superseded};
use super::task::{Hold, Task};
use crate::base::{Doing, ExecutionId, OrgId, Result};
use crate::infra::store::{OrgTx, Rows};

/// What a caller writes with a hold or a release.
type Also = Box<dyn FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send>;

impl Engine {
    /// Holds a run. Where it waits it is held when this returns, and that is on disk with what `also` writes.
    /// Where it is at work and `may_wait`, it will be held once it rests (`Run::pause_wanted`); else nothing
    /// changes and `also` is not called. It goes on also where the caller stops waiting.
    pub async fn hold(
        &self,
        org: OrgId,
        id: ExecutionId,
        may_wait: bool,
        also: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static,
    ) -> Result<Hold> {
        let Some(topic) = self.0.topic(id).filter(|it| it.org == org) else { return Ok(Hold::Ended) };
        let inner = self.0.clone();
        let held = async move { inner.hold(&topic, may_wait, Box::new(also)).await };
        self.0.runtime.spawn(held).await.doing("hold a run")?
    }

    /// Releases a run that is held, or is to be held; `false` where it is neither. As `hold` otherwise.
    pub async fn release(
        &self,
        org: OrgId,
        id: ExecutionId,
        also: impl FnOnce(&mut OrgTx<'_, '_>) -> Result<()> + Send + 'static,
    ) -> Result<bool> {
        let topic = self.0.topic(id).filter(|it| it.org == org && it.is_to_be_held());
        let Some(topic) = topic else { return Ok(false) };
        let inner = self.0.clone();
        let released = async move { inner.release(&topic, Box::new(also)).await };
        self.0.runtime.spawn(released).await.doing("release a run")??;
        Ok(true)
    }
}

impl Inner {
    async fn hold(self: &Arc<Self>, topic: &Arc<Topic>, may_wait: bool, also: Also) -> Result<Hold> {
        if topic.is_to_be_held() {
            return Ok(if self.paused.lock().holds(topic.id) { Hold::Now } else { Hold::Soon });
        }
        topic.hold(true);
        let done = match self.take_waiting(topic) {
            Some(task) => self.settle(topic, task, Some(also)).await.map(|()| Hold::Now),
            None if may_wait => self.write_hold(topic, true, also).await.map(|()| Hold::Soon),
            None => Ok(Hold::AtWork),
        };
        if !matches!(done, Ok(Hold::Now | Hold::Soon)) {
            topic.hold(false);
            // It may have come back and been held meanwhile.
            self.settle_later(topic);
        }
        done
    }

    async fn release(self: &Arc<Self>, topic: &Arc<Topic>, also: Also) -> Result<()> {
        topic.hold(false);
        let done = match self.take_waiting(topic) {
            Some(task) => self.settle(topic, task, Some(also)).await,
            None => self.write_hold(topic, false, also).await,
        };
        if done.is_err() {
            topic.hold(true);
        }
        self.settle_later(topic);
        self.pump();
        done
    }

    /// Makes a task that someone has put back what its topic says, in the background.
    pub(super) fn settle_later(self: &Arc<Self>, topic: &Arc<Topic>) {
        let (inner, topic) = (self.clone(), topic.clone());
        self.runtime.spawn(async move {
            let Some(task) = inner.take_waiting(&topic) else { return };
            if let Err(error) = inner.settle(&topic, task, None).await {
                tracing::warn!(execution.id = %topic.id, ?error, "a hold could not be recorded");
            }
            inner.pump();
        });
    }

    /// Makes a task in our hands what its topic says, and puts it back.
    async fn settle(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        mut task: Task,
        mut also: Option<Also>,
    ) -> Result<()> {
        let done = loop {
            let wanted = topic.is_to_be_held();
            if wanted != task.held_since.is_some() || also.is_some() {
                match self.write_settled(task.clone(), wanted, also.take()).await {
                    Ok(changed) => task = changed,
                    Err(error) => break Err(error),
                }
            }
            if topic.is_to_be_held() == wanted {
                break Ok(());
            }
        };
        self.put_back(task);
        if topic.is_stopped() {
            self.end_if_waiting(topic);
        }
        done
    }

    async fn write_settled(&self, task: Task, wanted: bool, also: Option<Also>) -> Result<Task> {
        let Some(work) = self.work.get().cloned() else { return Ok(task) };
        let now = self.env.now();
        let changed = match (wanted, task.held_since) {
            (true, None) => task.held(now),
            (false, Some(_)) => task.released(now),
            _ => task,
        };
        let stored = changed.clone();
        let rows = move |tx: &mut crate::infra::store::WriteTx<'_>| {
            let mut tx = tx.org(stored.org);
            if !tx.exists::<Task>(stored.id)? {
                return Err(superseded());
            }
            match stored.held_since {
                Some(at) => work.held(&mut tx, stored.id, Hold::Now, at)?,
                None => work.released(&mut tx, stored.id)?,
            }
            tx.put(&stored)?;
            also.map_or(Ok(()), |also| also(&mut tx))
        };
        self.store.write_with(ESSENTIAL, rows).await?;
        Ok(changed)
    }

    /// Writes the wish into the row of a task that is at work, for the process that may come after this one.
    async fn write_hold(&self, topic: &Topic, wanted: bool, also: Also) -> Result<()> {
        let Some(work) = self.work.get().cloned() else { return Ok(()) };
        let (org, id, now) = (topic.org, topic.id, self.env.now());
        let rows = move |tx: &mut crate::infra::store::WriteTx<'_>| {
            let mut tx = tx.org(org);
            let task: Task = tx.get(id)?.ok_or_else(superseded)?;
            if wanted {
                work.held(&mut tx, id, Hold::Soon, now)?;
                tx.put(&task.held(now))?;
            } else {
                work.released(&mut tx, id)?;
                tx.put(&task.released(now))?;
            }
            also(&mut tx)
        };
        self.store.write_with(ESSENTIAL, rows).await
    }
}
