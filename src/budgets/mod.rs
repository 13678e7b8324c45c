//! Budgets: what runs may use in money and tokens, held back before a call and settled after it.
//!
//! A call that somebody's budget covers is planned (`plan`: which budgets, and the most that it may use), reserved in
//! the transaction that accepts it, and settled in the transaction that records its end. So used and reserved together
//! never pass a limit by more than an estimate was wrong. What a crash leaves reserved is counted as used where its call
//! had begun, and given back where it had not: no spending is lost. A call that no budget covers costs one look into
//! memory (`register`), and writes nothing.

pub mod api;
mod hold;
mod notice;
mod ops;
pub mod pages;
mod plan;
mod refusal;
mod register;
mod settle;
mod start;
mod store;
mod types;
mod view;
mod window;

pub use hold::Held;
pub use notice::{Listener, Listeners, Notice, NoticeKind};
pub use ops::{create, delete, find, list, of_agent, replace_all, update};
pub use plan::{Ahead, Ask, By, Plan, plan};
pub use settle::{Calling, begin, ended, settle_call, settled};
pub use start::start;
pub use types::{BudgetUpdate, NewBudget, OnLimit, Scope, Window};
pub use view::{BudgetView, Standing};
