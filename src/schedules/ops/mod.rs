//! What can be done with schedules. Each op checks the caller and owns its transaction.

mod change;
mod look;
mod run;

pub use change::{create, delete, disable, enable, update};
pub use look::{find, history, list, preview};
pub use run::run;

use super::store;
use super::types::{Schedule, missing};
use crate::access::Cx;
use crate::base::{Code, Error, Result, ScheduleId};
use crate::infra::store::{PerOrg, Rows};
use crate::targets;

/// The schedule, if the caller may see what it runs.
///
/// Errors: `NotFound`, the same for one that is not there and one of something that the caller may not see.
fn visible(cx: &Cx, rows: &impl Rows<PerOrg>, id: ScheduleId) -> Result<Schedule> {
    let schedule = store::find(rows, id)?;
    match targets::sees(cx, rows, schedule.target)? {
        true => Ok(schedule),
        false => Err(missing(id)),
    }
}

/// As `visible`, where the caller has read the revision `expected`.
///
/// Errors: as `visible`; `PreconditionFailed`.
fn changing(cx: &Cx, rows: &impl Rows<PerOrg>, id: ScheduleId, expected: Option<u64>) -> Result<Schedule> {
    let schedule = visible(cx, rows, id)?;
    if expected.is_some_and(|it| it != schedule.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(schedule)
}
