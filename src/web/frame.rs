//! What surrounds every page: navigation, organization, account, theme, scripts. A page has a field
//! `frame: Frame`, and its template extends `layouts/app.html` or `layouts/plain.html`.

use super::view::{Tone, initials};
use super::{HAS_VENDOR, asset_url};

/// Light, dark or as the system has it. Kept in the cookie `theme`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const COOKIE: &'static str = "theme";

    /// Anything unknown is `System`.
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How close things stand. Kept in the cookie `density`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Density {
    #[default]
    Comfortable,
    Compact,
}

impl Density {
    pub const COOKIE: &'static str = "density";

    /// Anything unknown is `Comfortable`.
    pub fn parse(text: &str) -> Self {
        if text == "compact" { Self::Compact } else { Self::Comfortable }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Comfortable => "comfortable",
            Self::Compact => "compact",
        }
    }
}

/// One entry of the navigation. Entries of one `group` stand together under its name.
#[derive(Debug, Clone, Default)]
pub struct NavItem {
    pub group: String,
    pub label: String,
    pub href: String,
    /// A name in `static/icons.svg`.
    pub icon: String,
    pub current: bool,
    /// Something to look at, e.g. approvals that wait.
    pub count: Option<u64>,
    /// The keys that lead there, e.g. `g a`.
    pub keys: String,
}

impl NavItem {
    pub fn new(label: &str, href: &str, icon: &str) -> Self {
        Self { label: label.to_owned(), href: href.to_owned(), icon: icon.to_owned(), ..Self::default() }
    }

    pub fn group(mut self, group: &str) -> Self {
        group.clone_into(&mut self.group);
        self
    }

    pub fn keys(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.keys);
        self
    }

    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count).filter(|it| *it > 0);
        self
    }

    /// Current if `path` is this entry's page or below it.
    pub fn at(mut self, path: &str) -> Self {
        self.current = match path.strip_prefix(self.href.as_str()) {
            Some(rest) => rest.is_empty() || (self.href != "/" && rest.starts_with('/')),
            None => false,
        };
        self
    }
}

#[derive(Debug, Clone)]
pub struct FrameUser {
    pub name: String,
    pub email: String,
}

impl FrameUser {
    pub fn initials(&self) -> String {
        initials(if self.name.is_empty() { &self.email } else { &self.name })
    }
}

/// An organization the person may switch to; choosing it posts `org_id` to `Frame::switch_org_href`.
#[derive(Debug, Clone)]
pub struct FrameOrg {
    pub id: String,
    pub name: String,
    pub current: bool,
}

/// One sentence about what just happened.
#[derive(Debug, Clone)]
pub struct Flash {
    pub tone: Tone,
    pub message: String,
}

impl Flash {
    pub fn ok(message: impl Into<String>) -> Self {
        Self { tone: Tone::Ok, message: message.into() }
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, message: message.into() }
    }
}

#[derive(Debug, Clone)]
pub struct Frame {
    pub title: String,
    /// This page's path and query, to come back to.
    pub path: String,
    pub nav: Vec<NavItem>,
    pub org_name: String,
    pub orgs: Vec<FrameOrg>,
    pub user: Option<FrameUser>,
    /// Entries of the account menu above "Log out".
    pub user_menu: Vec<NavItem>,
    pub csrf_token: String,
    pub flash: Option<Flash>,
    /// Secrets cannot be used: the reason, or nothing for those who are not told it.
    pub sealed: Option<String>,
    pub theme: Theme,
    pub density: Density,
    /// The page follows a stream: the frame shows whether it is connected.
    pub live: bool,
    pub logout_href: String,
    /// `POST theme|density, next, csrf_token`: sets the cookies and redirects to `next`.
    pub preferences_href: String,
    pub switch_org_href: String,
    /// `GET ?q=` answers a JSON list of `{label, href, hint, group}`.
    pub palette_href: String,
    /// Shown at the foot of the navigation.
    pub version: String,
}

impl Frame {
    /// A frame for nobody: no navigation, no account.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            path: "/".to_owned(),
            nav: Vec::new(),
            org_name: String::new(),
            orgs: Vec::new(),
            user: None,
            user_menu: Vec::new(),
            csrf_token: String::new(),
            flash: None,
            sealed: None,
            theme: Theme::default(),
            density: Density::default(),
            live: false,
            logout_href: "/logout".to_owned(),
            preferences_href: "/preferences".to_owned(),
            switch_org_href: "/switch-organization".to_owned(),
            palette_href: "/palette".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The navigation by groups, in the order given.
    pub fn nav_groups(&self) -> Vec<(&str, &[NavItem])> {
        let groups = self.nav.chunk_by(|one, other| one.group == other.group);
        groups.map(|it| (it[0].group.as_str(), it)).collect()
    }

    pub fn css_url(&self) -> String {
        asset_url("css/app.css")
    }

    /// Classic scripts, in order; they run before `module_url`.
    pub fn js_urls(&self) -> Vec<String> {
        let vendored: &[&str] =
            if HAS_VENDOR { &["vendor/htmx.min.js", "vendor/hx-sse.min.js"] } else { &[] };
        vendored.iter().map(|it| asset_url(it)).collect()
    }

    pub fn module_url(&self) -> String {
        asset_url("js/app.js")
    }

    pub fn favicon_url(&self) -> String {
        asset_url("favicon.svg")
    }

    /// Sent by htmx with every request.
    pub fn request_headers(&self) -> String {
        serde_json::json!({ "X-CSRF-Token": self.csrf_token }).to_string()
    }

    /// Only what the server may be asked for by htmx, and which answers it swaps in: a form that comes back with
    /// its errors (422) is; other refusals are shown as a message and leave the page as it was.
    pub fn htmx_config(&self) -> String {
        serde_json::json!({
            "includeIndicatorCSS": false,
            "mode": "same-origin",
            "extensions": "sse",
            "prefix": "",
            "noSwap": [204, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 413, 415, 423, 428, 429, "5xx"],
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_current_on_its_page_and_below() {
        for (href, path, current) in [
            ("/agents", "/agents", true),
            ("/agents", "/agents/agt_1", true),
            ("/agents", "/agents-old", false),
            ("/", "/", true),
            ("/", "/agents", false),
        ] {
            assert_eq!(NavItem::new("x", href, "bot").at(path).current, current, "{href} at {path}");
        }
    }

    #[test]
    fn themes_are_read_from_cookies_without_error() {
        for theme in [Theme::System, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::parse(theme.name()), theme);
        }
        assert_eq!(Theme::parse("<script>"), Theme::System);
        assert_eq!(Density::parse("compact"), Density::Compact);
    }
}
