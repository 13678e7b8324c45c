//! `/developers`: the interface for programs, to read. Made from the OpenAPI document, and whole without a
//! network or scripts.

mod reference;

use actix_web::web::Data;

use self::reference::Reference;
use super::failure::Reply;
use super::frame::{Frame, NavItem};
use super::page::Framing;
use super::reply::{Html, render};
use super::route::Route;
use super::state::WebState;

pub(crate) use self::reference::Pieces;
pub(super) use self::reference::Reference as ApiReference;

/// The page's route, for the table.
pub fn developer_routes() -> Vec<Route> {
    vec![
        Route::get("/developers", developers)
            .open()
            .says("The interface for programs, to read")
            .answers_plain(200, "The page.", "text/html; charset=utf-8"),
    ]
}

#[derive(askama::Template)]
#[template(path = "developers/index.html")]
struct Page<'a> {
    frame: Frame,
    reference: &'a Reference,
}

/// `GET /developers`
async fn developers(framing: Framing, state: Data<WebState>) -> Reply<Html> {
    let reference = state.reference();
    let mut frame = framing.frame("API reference")?;
    frame.nav.extend(
        reference
            .tags
            .iter()
            .map(|it| NavItem::new(&it.title, &format!("#tag-{}", it.name), "code").group("API")),
    );
    frame.nav.push(NavItem::new("Schemas", "#schemas", "list").group("API"));
    render(Page { frame, reference })
}
