//! What every page needs beside its own content: the frame, made from the caller and the request; forms that come
//! back with their faults; and where those go who have no session.

mod confirm;
mod faults;
mod flash;
mod framing;
mod moment;
mod nav;
mod refusal;
mod routes;

pub use confirm::{confirmed, deleted};
pub use faults::Faults;
pub(super) use flash::{forgotten, kept};
pub(super) use framing::FlashShown;
pub use framing::{Framing, own_path};
pub use moment::moment;
pub use refusal::error_page;
pub(super) use refusal::{Way, leads_to};
pub use routes::page_routes;
