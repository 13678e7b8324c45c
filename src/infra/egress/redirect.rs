//! Following a redirect: the next request is made anew and goes through every check again.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::error::{Denial, EgressError, Kind};
use super::request::{Request, SecretHeader};

/// One request of a chain.
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) secrets: Vec<SecretHeader>,
    pub(super) body: Bytes,
}

/// What may go along to another origin; everything else could be a credential.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
];

impl Hop {
    pub(super) fn first(request: &mut Request) -> Self {
        Self {
            method: std::mem::take(&mut request.method),
            url: request.url.clone(),
            headers: std::mem::take(&mut request.headers),
            secrets: std::mem::take(&mut request.secrets),
            body: std::mem::take(&mut request.body),
        }
    }

    /// The request that `status` and `headers` ask for; the hop itself where they ask for none.
    ///
    /// Errors: `Protocol` for a `Location` that is no address, `Denied` for a step from https to http.
    pub(super) fn redirected(mut self, status: StatusCode, headers: &HeaderMap) -> Result<Self, EgressError> {
        let location = headers.get(header::LOCATION).and_then(|it| std::str::from_utf8(it.as_bytes()).ok());
        let next = location.and_then(|it| self.url.join(it).ok()).ok_or_else(|| {
            EgressError::new(Kind::Protocol, format!("{} redirects to nowhere", host_of(&self.url)))
        })?;
        if self.url.scheme() == "https" && next.scheme() == "http" {
            return Err(EgressError::denied(Denial::Downgrade, host_of(&next), 80));
        }
        if next.origin() != self.url.origin() {
            self.secrets.clear();
            let mut all = std::mem::take(&mut self.headers);
            self.headers = HARMLESS.iter().filter_map(|it| Some((it.clone(), all.remove(it)?))).collect();
        }
        let becomes_get = status == StatusCode::SEE_OTHER && self.method != Method::HEAD
            || matches!(status.as_u16(), 301 | 302) && self.method == Method::POST;
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(header::CONTENT_TYPE);
        }
        self.url = next;
        Ok(self)
    }
}

pub(super) fn asks_for_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or("the other side")
}
