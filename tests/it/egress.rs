//! The one way out: what must not leave, what must not come in.

mod breaker;
mod limits;
mod names;
mod redirects;
mod spellings;
