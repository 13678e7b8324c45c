//! HTTP vocabulary: the table of routes, who gets in, what handlers take and answer, errors as answers. And the
//! browser's side: static files, the frame around every page, the parts pages are made of.

mod assets;
mod authenticate;
mod body;
mod compress;
mod context;
mod cookie;
mod denials;
mod developers;
mod extract;
mod failure;
mod frame;
mod guard;
mod head;
mod health;
mod idempotency;
mod live;
mod mount;
mod openapi;
mod origin;
mod page;
mod rate;
mod reply;
mod revision;
mod route;
mod run;
mod schema_form;
mod sse;
mod state;
mod strict;
mod ui_kit;
pub mod view;

pub use assets::{HAS_VENDOR, STATIC_ROUTE, asset_routes, asset_url, icon_url, serve as serve_static};
pub use context::{RequestTag, context};
pub use cookie::{no_session_cookie, session_cookie, session_cookie_name};
pub(crate) use developers::Pieces;
pub use developers::developer_routes;
pub use extract::{
    AnyBody, Body, Form, FormPairs, MaybeBody, MaybeCx, Query, Raw, parse_json, part, path_segment,
    text_part, words_part,
};
pub use failure::{Details, Envelope, Failure, Reply, status_of};
pub use frame::{Density, Flash, Frame, FrameOrg, FrameUser, NavItem, Theme};
pub use health::{Health, health_routes};
pub use live::live_part;
pub use mount::{mount, sorted};
pub(crate) use openapi::sample as sample_of_schema;
pub use openapi::{document, is_described, openapi_routes};
pub use origin::{client_address, origin_of};
pub use page::{Faults, Framing, confirmed, deleted, error_page, moment, own_path, page_routes};
pub use reply::{
    Accepted, Created, Found, Html, NoContent, SeeOther, Sent, again, check_match, download, render,
};
pub use revision::{expected_revision, tagged_revision};
pub use route::{Access, Answer, Csrf, Kind, Limit, Route};
pub use run::{OnDisconnect, StreamQuery, finished, run_events, streamed};
pub use schema_form::{Group, SchemaForm, Typed};
pub use sse::{Gone, SseAnswer, SseEvent, SseSender, resume_after, sse_channel, sse_channel_attentive};
pub use state::{ErrorPage, WebState};
pub use ui_kit::render as ui_kit;

#[cfg(test)]
mod contrast;
#[cfg(test)]
mod template_rules;
