//! Two small parts that stand everywhere: a status, and a moment.

use askama::Template;
use askama::filters::HtmlSafe;

use super::Given;
use super::format;
use super::status::Status;
use crate::base::Timestamp;

/// Shape, word and colour of a status.
#[derive(Template)]
#[template(path = "parts/badge.html")]
pub struct Badge {
    status: Status,
    plain: bool,
}

impl HtmlSafe for Badge {}

impl Badge {
    pub fn of(word: impl std::fmt::Display) -> Self {
        Self { status: Status::of(&word.to_string()), plain: false }
    }

    /// Another label under a known status's tone and shape.
    pub fn label(mut self, label: impl std::fmt::Display) -> Self {
        self.status.label = label.to_string();
        self
    }

    /// Without the pill around it: for dense tables.
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }
}

/// A moment as a distance from now, with the exact time on hover.
#[derive(Template)]
#[template(
    source = "<time class=\"ago\" datetime=\"{{ at }}\" title=\"{{ exact }}\" data-behavior=\"ago\">{{ text }}</time>",
    ext = "html"
)]
pub struct Ago {
    at: Timestamp,
    exact: String,
    text: String,
}

impl HtmlSafe for Ago {}

impl Ago {
    pub fn new(at: impl Given<Timestamp>, now: impl Given<Timestamp>) -> Self {
        let (at, now) = (at.given(), now.given());
        Self { at, exact: at.utc().format("%Y-%m-%d %H:%M:%S UTC").to_string(), text: format::ago(at, now) }
    }
}
