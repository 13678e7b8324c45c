//! Words everyone shares: ids, errors, time, money, page cursors, slugs, JSON text. No I/O.

mod actor;
mod env;
mod error;
mod id;
mod json;
mod money;
mod or_null;
mod page;
mod slug;
mod time;
mod wrong;
pub mod zone;

pub use actor::{Actor, Origin};
pub use env::{Clock, Entropy, Env, SystemClock, SystemEntropy};
pub use error::{Code, Doing, Error, Invalid, Result};
pub use id::{
    AgentId, AuditId, BatchId, BudgetId, CredentialId, DeliveryId, EventId, ExecutionId, Id, InvitationId,
    KeyId, OrgId, RequestId, ScheduleId, SessionId, TriggerId, UserId, VersionId, WebhookId, WorkflowId,
};
pub use json::{Json, MAX_JSON_DEPTH, check_depth};
pub use money::Micros;
pub use or_null::OrNull;
pub use page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};
pub use slug::{is_slug, slug_of};
pub use time::Timestamp;
pub use wrong::in_words;
