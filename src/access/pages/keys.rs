//! API keys: what programs log in with.

use actix_web::HttpRequest;
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{self, Action, ApiKey, Cx, NewKey, NewKeyRequest, Role};
use crate::agents::{self, AgentFilter, AgentView, Sort};
use crate::base::{Error, KeyId, PageRequest, Result, Timestamp};
use crate::web::view::{Choice, Field, href};
use crate::web::{
    Faults, Flash, Form, FormPairs, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, again,
    confirmed, part, render,
};

const DAY_MS: u64 = 86_400_000;
/// Days that a key may last, as they can be chosen.
const DAYS: &[(&str, &str)] = &[("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year")];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/keys", index).needs(Action::KeysRead).query::<Listed>().says("API keys").answers_plain(
            200,
            "The page.",
            HTML,
        ),
        Route::post("/keys", create)
            .needs(Action::KeysWrite)
            .says("Makes a key, and shows its secret once")
            .form::<KeyForm>()
            .answers_plain(200, "The page with the secret.", HTML)
            .shows_secret_once(),
        Route::post("/keys/{key}/revoke", revoke)
            .needs(Action::KeysWrite)
            .of("key")
            .says("Ends a key")
            .form::<RevokeForm>()
            .answers_plain(303, "Back to the keys.", ""),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Listed {
    #[serde(default)]
    cursor: String,
}

/// `scope` and `agent` may stand more than once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read as pairs, for a name may come more than once; this describes the form")]
struct KeyForm {
    name: String,
    days: String,
    scope: Vec<String>,
    /// Ids of the agents that the key is bound to; none: all that its scopes reach.
    agent: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
struct RevokeForm {
    /// The key's name, typed again.
    confirm: String,
}

#[derive(Template)]
#[template(path = "access/keys.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<Row>,
    first_href: &'static str,
    next_href: String,
    shows_owner: bool,
    fields: Vec<Field>,
    scopes: Vec<(&'static str, Vec<Scope>)>,
    scopes_error: String,
    agents: Vec<Bound>,
    faults: Vec<(String, String)>,
    made: Option<NewKey>,
    curl: String,
    now: Timestamp,
}

struct Row {
    key: ApiKey,
    owner: String,
    expired: bool,
    /// Scopes, with the names of agents instead of their ids.
    scopes: Vec<String>,
}

/// An agent that a key can be bound to.
struct Bound {
    id: String,
    name: String,
    checked: bool,
}

struct Scope {
    name: &'static str,
    checked: bool,
}

/// What was typed into the form.
struct Typed {
    name: String,
    days: String,
    scopes: Vec<String>,
    agents: Vec<String>,
}

impl Typed {
    fn new() -> Self {
        let scopes = [Action::AgentsRead, Action::AgentsExecute, Action::ExecutionsRead];
        Self {
            name: String::new(),
            days: "90".to_owned(),
            scopes: scopes.map(|it| it.scope().to_owned()).into(),
            agents: Vec::new(),
        }
    }

    fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed =
            Self { name: String::new(), days: String::new(), scopes: Vec::new(), agents: Vec::new() };
        for (name, value) in pairs {
            match name.as_str() {
                "name" => typed.name = value,
                "days" => typed.days = value,
                "scope" => typed.scopes.push(value),
                "agent" => typed.agents.push(value),
                _ => {}
            }
        }
        typed
    }

    /// Errors: `ValidationFailed` at the field.
    fn request(&self, now: Timestamp) -> Result<NewKeyRequest> {
        let days = DAYS.iter().find(|it| it.0 == self.days).and_then(|it| it.0.parse::<u64>().ok());
        let days = days.ok_or_else(|| Error::invalid_at("days", "choose how long it lasts"))?;
        Ok(NewKeyRequest {
            name: self.name.clone(),
            scopes: self.granted(),
            expires_at: Some(now.plus_ms(days * DAY_MS)),
        })
    }
}

impl Typed {
    /// The scopes, where agents are chosen without those that would reach all agents again.
    fn granted(&self) -> Vec<String> {
        let is_bound = |it: &&String| Action::from_scope(it).is_some_and(Action::comes_with_an_agent);
        let kept = self.scopes.iter().filter(|it| self.agents.is_empty() || !is_bound(it));
        kept.chain(&self.agents).cloned().collect()
    }
}

impl KeysPage {
    fn is_bound(&self) -> bool {
        self.agents.iter().any(|it| it.checked)
    }

    fn new(cx: &Cx, framing: &Framing, cursor: &str, typed: &Typed, faults: &Faults) -> Result<Self> {
        let found = access::keys(cx, &PageRequest::parse(None, Some(cursor))?)?;
        let now = cx.now();
        let mut keys = Vec::new();
        for key in found.items {
            let owner = access::called(cx, &key.user_id.to_string())?;
            keys.push(Row { expired: key.expires_at <= now, owner, scopes: named(cx, &key.scopes)?, key });
        }
        let days = DAYS.iter().map(|(value, label)| Choice::new(value, label)).collect();
        let fields = vec![
            Field::text("name", "Name")
                .placeholder("Nightly import")
                .help("What uses it, so that you know it again.")
                .value(&typed.name)
                .error(faults.on("name"))
                .required(),
            Field::select("days", "Lasts", days).value(&typed.days).error(faults.on("days")).required(),
        ];
        Ok(Self {
            frame: framing.frame("API keys")?,
            keys,
            first_href: if cursor.is_empty() { "" } else { "/keys" },
            next_href: match found.next_cursor {
                Some(next) => href("/keys", [("cursor", next.as_str())]),
                None => String::new(),
            },
            shows_owner: cx.role() >= Role::Admin,
            faults: faults.summary(["name", "days", "scopes"]),
            scopes: scopes(cx, typed),
            scopes_error: faults.on("scopes"),
            agents: agents_of(cx, typed)?,
            fields,
            made: None,
            curl: String::new(),
            now,
        })
    }
}

/// The actions that the caller may give, by what they are about.
fn scopes(cx: &Cx, typed: &Typed) -> Vec<(&'static str, Vec<Scope>)> {
    let mut groups: Vec<(&'static str, Vec<Scope>)> = Vec::new();
    for action in Action::ALL.iter().filter(|it| cx.may(**it)) {
        let name = action.scope();
        let group = name.split(':').next().unwrap_or_default();
        let scope = Scope { name, checked: typed.scopes.iter().any(|it| it == name) };
        match groups.iter_mut().find(|it| it.0 == group) {
            Some(found) => found.1.push(scope),
            None => groups.push((group, vec![scope])),
        }
    }
    groups
}

/// Scopes as people know them.
fn named(cx: &Cx, scopes: &[String]) -> Result<Vec<String>> {
    let rows = cx.read()?;
    let mut named = Vec::new();
    for scope in scopes {
        let name = match scope.parse() {
            Ok(agent) => agents::name_of(&rows, agent)?.map(|it| format!("agent: {}", it.name)),
            Err(_) => None,
        };
        named.push(name.unwrap_or_else(|| scope.clone()));
    }
    Ok(named)
}

/// The agents that the caller may run, by name; as many as one page holds.
fn agents_of(cx: &Cx, typed: &Typed) -> Result<Vec<Bound>> {
    if !cx.may(Action::AgentsRead) {
        return Ok(Vec::new());
    }
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let found = agents::list(cx, &filter, &PageRequest::first(crate::base::MAX_LIMIT))?;
    let bound = |it: AgentView| {
        let id = it.id.to_string();
        Bound { checked: typed.agents.contains(&id), id, name: it.name }
    };
    Ok(found.items.into_iter().map(bound).collect())
}

/// `GET /keys`
async fn index(cx: Cx, framing: Framing, query: Query<Listed>) -> Reply<Html> {
    render(KeysPage::new(&cx, &framing, &query.0.cursor, &Typed::new(), &Faults::none())?)
}

/// `POST /keys`
async fn create(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    let made = match typed.request(cx.now()) {
        Ok(request) => access::create_key(&cx, request).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            let mut page = KeysPage::new(&cx, &framing, "", &Typed::new(), &Faults::none())?;
            let server = cx.services().config.public_url();
            page.curl = format!("curl -H 'Authorization: Bearer {}' {server}/api/agents", made.secret);
            page.made = Some(made);
            Ok(Sent::Page(render(page)?))
        }
        Err(error) => again(KeysPage::new(&cx, &framing, "", &typed, &Faults::of(error)?)?),
    }
}

/// `POST /keys/{key}/revoke`
async fn revoke(cx: Cx, request: HttpRequest, framing: Framing, form: Form<RevokeForm>) -> Reply<Sent> {
    let id: KeyId = part(&request, "key")?;
    let name = access::key(&cx, id)?.name;
    if let Err(error) = confirmed(&form.0.confirm, &name) {
        return again(KeysPage::new(&cx, &framing, "", &Typed::new(), &Faults::of(error)?)?);
    }
    access::revoke_key(&cx, id).await?;
    Ok(SeeOther::to("/keys")
        .saying(Flash::ok(format!("The key {name} is revoked. Whatever used it is locked out.")))
        .into())
}
