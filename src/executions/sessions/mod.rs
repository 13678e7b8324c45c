//! Sessions: conversations with agents. A session is named by whoever runs an agent (`session_id`), is there from
//! its first run on, and has its runs one after the other. What was said in it is told to agents that take a
//! history: to each its own part, where several agents share one.

mod busy;
mod messages;
mod ops;
mod row;
mod words;

pub use busy::OnBusy;
pub use messages::{Message, Speaker, messages};
pub use ops::{NewSession, SessionFilter, SessionUpdate, create, find, list, update};
pub use row::SessionView;
pub use words::{input_of, takes_words, words};

pub(super) use busy::{check, enter, interruption, lane_of};
pub(super) use messages::history;
