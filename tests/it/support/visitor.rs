//! A browser without scripts: keeps cookies, sends forms with the page's token, follows redirects when told.

use std::collections::BTreeMap;

use super::http::{Answer, Http};
use super::{Appliance, PASSWORD};

pub struct Visitor {
    http: Http,
    pub cookies: BTreeMap<String, String>,
    /// Of the last page.
    pub csrf: String,
}

impl Appliance {
    pub fn visitor(&self) -> Visitor {
        let http = self.anonymous();
        let http = http.with("accept", "text/html,*/*;q=0.8").with("origin", http.base.clone());
        Visitor { http, cookies: BTreeMap::new(), csrf: String::new() }
    }

    /// A browser in which the person with this address has logged in.
    pub async fn visitor_of(&self, email: &str) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.send("/login", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        visitor.open("/profile").await;
        visitor
    }
}

impl Visitor {
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.client().get(path).await;
        self.note(answer)
    }

    /// As `open`, where the page must be there.
    #[track_caller]
    pub fn page(&mut self, path: &str) -> impl Future<Output = String> {
        let path = path.to_owned();
        async move {
            let answer = self.open(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            answer.text()
        }
    }

    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf_token", self.csrf.as_str())];
        all.extend_from_slice(fields);
        let answer = self.client().form(path, &all).await;
        self.note(answer)
    }

    /// Sends a form that leads on, and answers the page it leads to with its address.
    pub async fn through(&mut self, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let answer = self.send(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let to = answer.header("location").expect("a place").to_owned();
        let page = self.page(&to).await;
        (to, page)
    }

    /// The head of an answer that stays open.
    pub async fn stream(&self, path: &str) -> ::http::Response<hyper::body::Incoming> {
        self.client().open(::http::Method::GET, path, None, bytes::Bytes::new()).await
    }

    fn client(&self) -> Http {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { self.http.clone() } else { self.http.with("cookie", cookies.join("; ")) }
    }

    fn note(&mut self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (name, value) = line.split(';').next().and_then(|it| it.split_once('=')).expect("a cookie");
            if value.is_empty() || line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(rest) = answer.text().split_once("name=\"csrf_token\" value=\"") {
            self.csrf = rest.1.split('"').next().unwrap_or_default().to_owned();
        }
        answer
    }
}

/// What a field of a page holds.
pub fn value_of(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\""))?;
    let tag = rest.split('>').next()?;
    let (_, value) = tag.split_once("value=\"")?;
    Some(value.split('"').next()?.to_owned())
}
