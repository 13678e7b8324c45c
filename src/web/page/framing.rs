//! From a request to the frame around its page.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::{flash, nav};
use crate::access::{self, Action, Cx};
use crate::base::{Error, Result};
use crate::web::frame::{Density, Frame, FrameOrg, FrameUser, NavItem, Theme};
use crate::web::state::WebState;
use crate::web::view::sentence;

/// Set where a page showed the sentence that the last one left, so that its cookie is taken away.
pub(in crate::web) struct FlashShown;

/// What a page's handler makes its frame with; taken after `cx`.
pub struct Framing {
    request: HttpRequest,
    state: Data<WebState>,
    cx: Option<Cx>,
}

impl Framing {
    /// Errors: only ours.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let state = request.app_data::<Data<WebState>>().cloned();
        let state = state.ok_or_else(|| Error::internal("frame a page", "no web state"))?;
        let cx = request.extensions().get::<Cx>().cloned();
        Ok(Self { request: request.clone(), state, cx })
    }

    /// The frame of a page: navigation, organization and account where somebody is logged in.
    pub fn frame(&self, title: impl Into<String>) -> Result<Frame> {
        let mut frame = Frame::new(title);
        let query = self.request.query_string();
        frame.path = match query {
            "" => self.request.path().to_owned(),
            query => format!("{}?{query}", self.request.path()),
        };
        frame.theme = Theme::parse(&self.cookie(Theme::COOKIE));
        frame.density = Density::parse(&self.cookie(Density::COOKIE));
        frame.flash = flash::read(&self.cookie(flash::COOKIE));
        if frame.flash.is_some() {
            self.request.extensions_mut().insert(FlashShown);
        }
        frame.nav = nav::entries(&self.state.routes, self.cx.as_ref(), self.request.path());
        if let Some(cx) = &self.cx {
            account(&mut frame, cx)?;
        }
        Ok(frame)
    }

    /// Whether htmx asks, for a part of the page.
    pub fn is_htmx(&self) -> bool {
        is_htmx(&self.request)
    }

    fn cookie(&self, name: &str) -> String {
        self.request.cookie(name).map(|it| it.value().to_owned()).unwrap_or_default()
    }
}

impl FromRequest for Framing {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

pub(super) fn is_htmx(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

fn account(frame: &mut Frame, cx: &Cx) -> Result<()> {
    frame.csrf_token = cx.csrf_token().unwrap_or_default().to_owned();
    let profile = access::profile(cx)?;
    frame.user = Some(FrameUser { name: profile.name, email: profile.email });
    if let Some(reason) = cx.services().vault.sealed_because() {
        let reason = if cx.may(Action::CredentialsRead) { sentence(&reason) } else { String::new() };
        frame.sealed = Some(reason);
    }
    frame.user_menu = vec![NavItem::new("Profile", "/profile", "person").at(&frame.path)];
    for org in profile.organizations {
        let current = org.id == profile.org_id;
        if current {
            org.name.clone_into(&mut frame.org_name);
        }
        frame.orgs.push(FrameOrg { id: org.id.to_string(), name: org.name, current });
    }
    Ok(())
}

/// `path` where it is a place of ours, else `/`: nobody is sent to another site by a link to us.
pub fn own_path(path: &str) -> &str {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control);
    if ours { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (path, expected) in [
            ("/agents?type=webhook", "/agents?type=webhook"),
            ("/", "/"),
            ("", "/"),
            ("//evil.test", "/"),
            ("/\\evil.test", "/"),
            ("/\t/evil.test", "/"),
            ("https://evil.test", "/"),
            ("agents", "/"),
        ] {
            assert_eq!(own_path(path), expected, "{path:?}");
        }
    }
}
