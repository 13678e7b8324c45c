//! HTTP vocabulary: the table of routes, who gets in, what handlers take and answer, errors as answers.

mod context;
mod extract;
mod failure;
mod guard;
mod mount;
mod reply;
mod route;
mod state;

pub use context::{RequestTag, context};
pub use extract::{Body, Form, FormPairs, MaybeBody, MaybeCx, Query, parse_json, part, text_part};
pub use failure::{Details, Envelope, Failure, Reply, status_of};
pub use mount::{mount, sorted};
pub use reply::{Accepted, Created, Found, Html, NoContent, SeeOther, check_match, render};
pub use route::{Access, Answer, Csrf, Kind, Limit, Route};
pub use state::{ErrorPage, WebState};
