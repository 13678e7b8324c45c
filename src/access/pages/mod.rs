//! Pages of people and their organization, a file per thing they do.

mod entry;
mod invitation;
mod keys;
mod members;
mod organization;
mod profile;
mod reset;
mod session;
mod setup;

use crate::base::Result;
use crate::web::view::Field;
use crate::web::{Frame, Framing, Route};

pub(super) const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    [
        setup::routes(),
        entry::routes(),
        session::routes(),
        invitation::routes(),
        reset::routes(),
        profile::routes(),
        members::routes(),
        keys::routes(),
        organization::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A page of one form, for who has no session yet.
#[derive(askama::Template)]
#[template(path = "access/form.html")]
struct Door {
    frame: Frame,
    /// Sentences above the form.
    about: Vec<String>,
    action: String,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    faults: Vec<(String, String)>,
    verb: &'static str,
    /// Label and address of another way.
    foot: Option<(&'static str, &'static str)>,
}

impl Door {
    fn new(framing: &Framing, title: impl Into<String>, action: impl Into<String>) -> Result<Self> {
        Ok(Self {
            frame: framing.frame(title)?,
            about: Vec::new(),
            action: action.into(),
            hidden: Vec::new(),
            fields: Vec::new(),
            faults: Vec::new(),
            verb: "Go on",
            foot: None,
        })
    }
}
