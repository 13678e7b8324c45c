//! What the web layer keeps for all requests.

use std::sync::Arc;

use actix_web::HttpRequest;

use crate::access::Services;
use crate::base::Error;

/// Renders an error as a page; set by `app`, which knows the templates.
pub type ErrorPage = fn(&HttpRequest, &Error, &str) -> String;

pub struct WebState {
    pub services: Arc<Services>,
    pub error_page: Option<ErrorPage>,
}

impl WebState {
    pub fn public_url_is_https(&self) -> bool {
        self.services.config.server.public_url.starts_with("https://")
    }
}
