//! Errors as pages: what happened, what to do, the id to quote; and the way to the log-in for those without a
//! session.

use actix_web::HttpRequest;
use actix_web::http::{Method, header};
use askama::Template;

use super::framing::{Framing, is_htmx, own_path};
use crate::access;
use crate::base::{Code, Error};
use crate::web::failure::status_of;
use crate::web::frame::Frame;
use crate::web::state::WebState;
use crate::web::view::sentence;

#[derive(Template)]
#[template(path = "errors/inside.html")]
struct Inside<'a> {
    frame: Frame,
    message: String,
    suggestions: &'a [String],
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "errors/outside.html")]
struct Outside<'a> {
    frame: Frame,
    message: String,
    suggestions: &'a [String],
    request_id: &'a str,
}

/// The page of an error; inside the navigation where somebody is logged in.
pub fn error_page(request: &HttpRequest, error: &Error, request_id: &str) -> String {
    let title = title_of(error.code());
    let frame = Framing::of(request).and_then(|it| it.frame(title)).unwrap_or_else(|_| Frame::new(title));
    let (message, suggestions) = (sentence(error.message()), error.suggestions());
    let page = if frame.user.is_some() {
        Inside { frame, message, suggestions, request_id }.render()
    } else {
        Outside { frame, message, suggestions, request_id }.render()
    };
    page.unwrap_or_else(|_| error.message().to_owned())
}

fn title_of(code: Code) -> &'static str {
    match status_of(code) {
        401 => "Please log in",
        403 => "This is not yours to open",
        404 => "Nothing is here",
        405 => "This does not work that way",
        409 => "This does not fit what is there",
        412 => "This was changed meanwhile",
        413 => "This is too large",
        429 => "Too much at once",
        400..=499 => "This could not be read",
        502..=504 => "Not just now",
        _ => "Something went wrong",
    }
}

/// Where those go who have no session: to log in and back again, or to set up where nobody has an account yet.
pub(in crate::web) enum Way {
    SeeOther(String),
    /// The same for htmx, which would put the page into a part of this one otherwise.
    HtmxRedirect(String),
}

/// `None` where the error itself is the answer.
pub(in crate::web) fn leads_to(request: &HttpRequest, error: &Error, state: &WebState) -> Option<Way> {
    if !error.is(Code::Unauthenticated) || request.path() == "/login" {
        return None;
    }
    let to = match access::setup_is_done(&state.services) {
        Ok(false) => "/setup".to_owned(),
        _ => login_href(&back(request)),
    };
    Some(if is_htmx(request) { Way::HtmxRedirect(to) } else { Way::SeeOther(to) })
}

fn login_href(next: &str) -> String {
    if next == "/" {
        return "/login".to_owned();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/login?{}", query.append_pair("next", next).finish())
}

/// The page to come back to: this one, or, for a form or a part, the one it was on.
fn back(request: &HttpRequest) -> String {
    if request.method() == Method::GET && !is_htmx(request) {
        let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
        return own_path(path).to_owned();
    }
    let from = request.headers().get(header::REFERER).and_then(|it| it.to_str().ok());
    let from = from.and_then(|it| url::Url::parse(it).ok());
    from.map_or_else(|| "/".to_owned(), |it| own_path(it.path()).to_owned())
}
