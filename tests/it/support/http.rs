//! A small HTTP client for tests: keep-alive, whole answers, streams where asked.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    pub base: String,
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Http {
    pub fn new(base: impl Into<String>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: base.into(), headers: Vec::new() }
    }

    /// As this client, with one more header on every request.
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.headers.retain(|it| !it.0.eq_ignore_ascii_case(name));
        other.headers.push((name.to_owned(), value.into()));
        other
    }

    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// Everything in a list, page by page. `path` may say how long a page is.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        self.list_while(path, |_| true).await
    }

    /// As `list`, up to the first page of which `goes_on` says no.
    pub async fn list_while(&self, path: &str, goes_on: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.expect(200);
            let items = page["items"].as_array().expect("items");
            all.extend(items.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) if goes_on(items) => {
                    let and = if path.contains('?') { '&' } else { '?' };
                    cursor = format!("{and}cursor={next}");
                }
                _ => return all,
            }
        }
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(method, path, Some("application/json"), body.to_string().into()).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), body.into()).await
    }

    pub async fn send(&self, method: Method, path: &str, content_type: Option<&str>, body: Bytes) -> Answer {
        let response = self.open(method, path, content_type, body).await;
        let (parts, body) = response.into_parts();
        let body =
            tokio::time::timeout(PATIENCE, body.collect()).await.expect("ends").expect("a body").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// As `post`, for servers that may die meanwhile: the whole answer, or none.
    pub async fn try_post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.attempt(Method::POST, path, Some("application/json"), body.to_string().into()).await
    }

    /// As `get`, for servers that may die meanwhile: the whole answer, or none.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        self.attempt(Method::GET, path, None, Bytes::new()).await
    }

    async fn attempt(&self, method: Method, path: &str, kind: Option<&str>, body: Bytes) -> Option<Answer> {
        let request = self.request(method, path, kind, body);
        let response = tokio::time::timeout(PATIENCE, self.client.request(request)).await.ok()?.ok()?;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.ok()?.ok()?.to_bytes();
        Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// The answer's head, with the body still to be read.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> http::Response<hyper::body::Incoming> {
        let request = self.request(method, path, content_type, body);
        tokio::time::timeout(PATIENCE, self.client.request(request))
            .await
            .expect("answers")
            .expect("a response")
    }

    fn request(&self, method: Method, path: &str, kind: Option<&str>, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        request.body(Full::new(body)).expect("a request")
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// The body, where the status is the expected one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() || status == StatusCode::NO_CONTENT.as_u16() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Checks the envelope of an error.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(body["error"]["request_id"].as_str().is_some_and(|it| !it.is_empty()), "{body}");
        body
    }
}
