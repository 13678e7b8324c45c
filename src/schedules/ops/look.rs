//! Looking at schedules: lists, one, its history, and what a line would do.

use std::collections::HashMap;

use super::super::store::place_of;
use super::super::timetable::Timetable;
use super::super::types::{Outcome, Schedule, Tick};
use super::super::view::{Preview, ScheduleFilter, ScheduleView, TickView};
use super::visible;
use crate::access::{Action, Cx};
use crate::base::{Page, PageRequest, Result, ScheduleId};
use crate::infra::store::{Key, Order, Rows};
use crate::targets::{self, Target};

/// Those of agents and chains that the caller may see, newest first.
pub fn list(cx: &Cx, filter: &ScheduleFilter, page: &PageRequest) -> Result<Page<ScheduleView>> {
    cx.require(Action::SchedulesRead)?;
    let rows = cx.read()?;
    let (index, prefix) = filter.target.map_or((0, Key::new()), place_of);
    let mut seen: HashMap<Target, Result<bool>> = HashMap::new();
    let keep = |it: &Schedule| {
        let sees = seen.entry(it.target).or_insert_with(|| targets::sees(cx, &rows, it.target));
        filter.keeps(it) && matches!(sees, Ok(true))
    };
    let (found, next) = rows.page(index, prefix, Order::Newest, page, keep)?;
    if let Some(error) = seen.into_values().find_map(Result::err) {
        return Err(error);
    }
    let views = found.into_iter().map(|it| ScheduleView::of(it, cx.now())).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// Errors: `NotFound`.
pub fn find(cx: &Cx, id: ScheduleId) -> Result<ScheduleView> {
    cx.require(Action::SchedulesRead)?;
    ScheduleView::of(visible(cx, &cx.read()?, id)?, cx.now())
}

/// What became of its ticks, newest first.
///
/// Errors: `NotFound`.
pub fn history(
    cx: &Cx,
    id: ScheduleId,
    outcome: Option<Outcome>,
    page: &PageRequest,
) -> Result<Page<TickView>> {
    cx.require(Action::SchedulesRead)?;
    let rows = cx.read()?;
    visible(cx, &rows, id)?;
    let keep = |it: &Tick| outcome.is_none_or(|outcome| outcome == it.outcome);
    let (found, next) = rows.page(0, Key::of(id), Order::Newest, page, keep)?;
    Ok(Page::new(found.into_iter().map(TickView::from).collect(), next))
}

/// What a line says in words, and when it would fire next.
///
/// Errors: `ValidationFailed` for line and zone.
pub fn preview(cx: &Cx, cron: &str, time_zone: &str) -> Result<Preview> {
    cx.require(Action::SchedulesRead)?;
    Ok(Preview::of(&Timetable::parse(cron, time_zone)?, cx.now()))
}
