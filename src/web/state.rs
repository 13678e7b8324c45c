//! What the web layer keeps for all requests.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use actix_web::HttpRequest;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::developers::ApiReference;
use super::openapi;
use super::rate::Rates;
use super::route::Route;
use crate::access::Services;
use crate::base::Error;

/// Renders an error as a page; set by `app`, which knows the templates.
pub type ErrorPage = fn(&HttpRequest, &Error, &str) -> String;

pub struct WebState {
    pub services: Arc<Services>,
    pub error_page: Option<ErrorPage>,
    /// The table that is served, and described.
    pub routes: Arc<Vec<Route>>,
    https: bool,
    rates: Rates,
    /// Dropped with this, which tells who waits for the last worker to have let go.
    held: Option<oneshot::Sender<()>>,
    document: OnceLock<(Bytes, String)>,
    reference: OnceLock<ApiReference>,
}

impl WebState {
    pub fn new(services: Arc<Services>, routes: Arc<Vec<Route>>) -> Self {
        Self {
            https: services.config.server.public_url.starts_with("https://"),
            rates: Rates::new(&services.config.limits),
            services,
            error_page: None,
            held: None,
            routes,
            document: OnceLock::new(),
            reference: OnceLock::new(),
        }
    }

    pub fn with_error_page(mut self, page: ErrorPage) -> Self {
        self.error_page = Some(page);
        self
    }

    /// Resolves when nobody holds this state any more: the last thread of the server has ended.
    pub fn when_released(&mut self) -> oneshot::Receiver<()> {
        let (held, released) = oneshot::channel();
        self.held = Some(held);
        released
    }

    pub fn public_url_is_https(&self) -> bool {
        self.https
    }

    pub(super) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Whether the server is stopping: changing calls are refused then.
    pub fn is_draining(&self) -> bool {
        self.services.draining.load(Relaxed)
    }

    /// The OpenAPI document as text and its `ETag`, made once.
    pub(super) fn document(&self) -> &(Bytes, String) {
        self.document.get_or_init(|| {
            let document = openapi::document(&self.routes, &self.services.config.public_url());
            let text = Bytes::from(document.to_string());
            let tag = super::reply::etag_of(&text);
            (text, tag)
        })
    }

    /// The same as a page shows it, made once.
    pub(super) fn reference(&self) -> &ApiReference {
        self.reference
            .get_or_init(|| ApiReference::of(&serde_json::from_slice(&self.document().0).unwrap_or_default()))
    }
}
