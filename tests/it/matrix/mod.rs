//! The authorization matrix: every route of the running table, every kind of caller, every kind of target. What is
//! expected stands in `routes.txt`, not in the code under test.

mod objects;
mod people;
mod reads;
mod table;

use std::collections::BTreeMap;

use bytes::Bytes;
use reeve::web::{Kind, Route};

use self::objects::Objects;
use self::people::Principal;
use self::table::{Line, Who};
use crate::support::Appliance;
use crate::support::http::{Answer, Http};
use crate::support::people::Caller;

const THEIRS: &str = "weir-canary";
const OURS: &str = "mill-canary";
/// An address that may be called and does not answer.
const NOBODY: &str = "127.0.0.1:9";

fn open(config: &mut reeve::config::Config) {
    config.auth.open_registration = true;
    config.egress.allow = vec![NOBODY.to_owned()];
    config.limits.logins_per_minute = 1_000_000;
    config.limits.logins_per_account_per_hour = 1_000_000;
    config.limits.anonymous_requests_per_minute = 1_000_000;
}

/// Routes with their lines.
fn listed() -> Vec<(Route, Line)> {
    let lines = table::read().lines;
    let mut unlisted = Vec::new();
    let mut found = Vec::new();
    for route in reeve::app::routes() {
        match lines.iter().find(|it| it.method == route.method.as_str() && it.path == route.path) {
            Some(line) => found.push((route, line.clone())),
            None => unlisted.push(format!("{} {}", route.method, route.path)),
        }
    }
    assert!(unlisted.is_empty(), "no line in tests/it/matrix/routes.txt for: {unlisted:#?}");
    found
}

/// The path with ids for what it names; `last` for the object itself, `before` for what leads to it.
fn filled(path: &str, before: &Objects, last: &Objects) -> String {
    let named = |part: &str| part.strip_prefix('{').map(|it| it.trim_end_matches('}').to_owned());
    let object = path.split('/').filter_map(named).rfind(|it| last.contains_key(it.as_str()));
    let parts: Vec<String> = path
        .split('/')
        .map(|part| match named(part) {
            None => part.to_owned(),
            Some(name) if name == "version" => "1.0.0".to_owned(),
            Some(name) => {
                let ids = if object.as_ref() == Some(&name) { last } else { before };
                ids.get(name.as_str()).cloned().unwrap_or_else(|| "missing".to_owned())
            }
        })
        .collect();
    parts.join("/")
}

/// As a program: JSON.
async fn send(http: &Http, line: &Line, path: &str, body: &serde_json::Value) -> Answer {
    let body = match line.method {
        http::Method::GET | http::Method::DELETE => Bytes::new(),
        _ => Bytes::from(body.to_string()),
    };
    let kind = (!body.is_empty()).then_some("application/json");
    whole(http, line, path, kind, body).await
}

/// As a browser on one of our own pages: an empty form.
async fn submit(http: &Http, cookie: Option<&(String, String)>, line: &Line, path: &str) -> Answer {
    let mut browser = http.clone();
    browser.headers.retain(|it| it.0 == "x-request-id");
    let base = http.base.clone();
    let mut browser =
        browser.with("origin", base).with("sec-fetch-site", "same-origin").with("accept", "text/html");
    if let Some((cookie, csrf)) = cookie {
        browser = browser.with("cookie", format!("reeve_session={cookie}")).with("x-csrf-token", csrf);
    }
    let kind = (line.method == http::Method::POST).then_some("application/x-www-form-urlencoded");
    whole(&browser, line, path, kind, Bytes::new()).await
}

/// The whole answer; of a stream that goes on the head.
async fn whole(http: &Http, line: &Line, path: &str, kind: Option<&str>, body: Bytes) -> Answer {
    let streams = line.path.ends_with("/stream") || line.path.ends_with("/events");
    if !streams {
        return http.send(line.method.clone(), path, kind, body).await;
    }
    let (head, body) = http.open(line.method.clone(), path, kind, body).await.into_parts();
    let body = match head.status.is_success() {
        true => Bytes::new(),
        false => http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes(),
    };
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

async fn call(person: &Principal, route: &Route, line: &Line, path: &str) -> Answer {
    if route.kind == Kind::Page {
        return submit(&person.token, person.cookie.as_ref(), line, path).await;
    }
    // On a path that names something, that is missing, so that a whole body does no harm.
    let empty = serde_json::json!({});
    send(&person.token, line, path, if line.object.is_some() { &line.body } else { &empty }).await
}

/// What was refused: 401 (for pages also the way to the log-in, which a log-out takes too, but with a cookie), 403,
/// or nothing.
fn refusal_of(route: &Route, answer: &Answer) -> Option<u16> {
    match answer.status {
        303 if route.kind == Kind::Page
            && answer.header("set-cookie").is_none()
            && answer.header("location").is_some_and(|it| it.starts_with("/login")) =>
        {
            Some(401)
        }
        401 | 403 => Some(answer.status),
        _ => None,
    }
}

#[actix_web::test]
async fn every_caller_reaches_what_the_table_says_and_nothing_else() {
    let (appliance, clock) = Appliance::start_held(open, Vec::new()).await;
    appliance.owner().await;
    let stranger = appliance.stranger().await;
    let mut people = people::all(&appliance, &clock, &stranger).await;
    let missing = objects::missing();
    let (mut cells, mut wrong) = (0, Vec::new());
    for (route, line) in &listed() {
        let path = filled(&line.path, &missing, &missing);
        for person in &mut people {
            if !person.calls(route.kind) {
                continue;
            }
            let answer = call(person, route, line, &path).await;
            cells += 1;
            let (expected, found) = (person.refusal(line), refusal_of(route, &answer));
            let open = matches!(line.who, Who::Anyone | Who::Machine);
            if answer.status >= 500 || (!open && expected != found) {
                let (method, name, status) = (&line.method, &person.name, answer.status);
                wrong.push(format!("{method} {path} as {name}: expected {expected:?}, got {status}"));
            }
            if open && route.kind != Kind::Page && answer.status == 403 {
                wrong.push(format!("{path} as {}: 403 on an open route", person.name));
            }
            let ends = ["/logout", "/end-others", "/me/sessions"].iter().any(|it| line.path.ends_with(it));
            if ends && expected.is_none() {
                again(&appliance, person).await;
            }
        }
    }
    println!("cells={cells} wrong={}", wrong.len());
    assert!(wrong.is_empty(), "{} of {cells}: {wrong:#?}", wrong.len());
}

/// Logs a person in again whose session has ended as it should.
async fn again(appliance: &Appliance, person: &mut Principal) {
    let Some(email) = &person.email else { return };
    person.token = appliance.log_in(email).await.http;
    person.cookie = Some(crate::access::browser(appliance, email).await);
}

/// An answer without what differs between any two: date, and the ids that were asked for.
fn masked(answer: &Answer, ids: &[&Objects]) -> (u16, BTreeMap<String, String>, String) {
    let mask =
        |text: String| ids.iter().flat_map(|it| it.values()).fold(text, |text, id| text.replace(id, "ID"));
    let headers = answer
        .headers
        .iter()
        .filter(|it| {
            !["date", "content-length", "connection"].contains(&it.0.as_str())
                && !it.0.as_str().starts_with("ratelimit")
        })
        .map(|it| (it.0.to_string(), mask(it.1.to_str().unwrap_or("?").to_owned())))
        .collect();
    (answer.status, headers, mask(answer.text()))
}

/// Every list that takes no path, as one person sees it.
async fn everything(caller: &Caller, routes: &[(Route, Line)]) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for (route, line) in routes {
        let list = line.method == http::Method::GET && !line.path.contains('{') && route.kind == Kind::Api;
        let still = !line.path.starts_with("/api/audit") && line.path != "/api/openapi.json";
        if list && still {
            seen.push((line.path.clone(), caller.get(&line.path).await.text()));
        }
    }
    seen
}

#[actix_web::test]
async fn what_is_anothers_answers_as_what_is_not_there() {
    let (appliance, _clock) = Appliance::start_held(open, Vec::new()).await;
    let owner = appliance.owner().await;
    let stranger = appliance.stranger().await;
    let routes = listed();
    let theirs = objects::of(&appliance, &stranger, THEIRS).await;
    let ours = objects::of(&appliance, &owner, OURS).await;
    let missing = objects::missing();
    let before = everything(&stranger, &routes).await;
    let http = owner.http.with("x-request-id", "same");
    let cookie = crate::access::browser(&appliance, &owner.email).await;

    let (mut cells, mut wrong, mut real) = (0, Vec::new(), BTreeMap::<String, bool>::new());
    for (route, line) in &routes {
        let Some(object) = line.object.as_deref() else { continue };
        let ask = async |path: &str| match route.kind {
            Kind::Page => submit(&http, Some(&cookie), line, path).await,
            _ => send(&http, line, path, &line.body).await,
        };
        assert!(theirs.contains_key(object), "say in objects.rs how to make: {object}");
        for before in [&theirs, &ours, &missing] {
            let none =
                filled(&line.path, if std::ptr::eq(before, &theirs) { &missing } else { before }, &missing);
            let path = filled(&line.path, before, &theirs);
            let absent = masked(&ask(&none).await, &[&theirs, &missing]);
            let foreign = masked(&ask(&path).await, &[&theirs, &missing]);
            cells += 1;
            let found = foreign.0 != 404 && (route.kind == Kind::Api || line.method == http::Method::GET);
            if foreign != absent || found || foreign.0 < 400 || foreign.2.contains(THEIRS) {
                wrong.push(format!("{} {path}: {foreign:?} is not {absent:?}", line.method));
            }
        }
        if line.method == http::Method::GET {
            let answer = ask(&filled(&line.path, &ours, &ours)).await;
            *real.entry(object.to_owned()).or_default() |= answer.status == 200;
        }
    }
    for it in table::read().smuggled {
        let put = |text: &str, ids: &Objects| {
            ids.iter().fold(text.to_owned(), |text, (kind, id)| text.replace(&format!("${kind}"), id))
        };
        let mut answers = Vec::new();
        for ids in [&theirs, &missing] {
            let (path, body) = (put(&it.path, ids), put(&it.body, ids));
            let kind = (!body.is_empty()).then_some("application/json");
            let answer = http.send(it.method.clone(), &path, kind, body.into()).await;
            answers.push(masked(&answer, &[&theirs, &missing]));
        }
        cells += 1;
        if answers[0] != answers[1] || answers[0].2.contains(THEIRS) {
            wrong.push(format!("{} {}: {answers:?}", it.method, it.path));
        }
    }
    println!("cells={cells} wrong={}", wrong.len());
    assert!(wrong.is_empty(), "{} of {cells}: {wrong:#?}", wrong.len());
    // The ids were real, or all this would show nothing.
    assert!(real.values().all(|it| *it), "{real:?}");
    assert_eq!(everything(&stranger, &routes).await, before);
    for (path, text) in everything(&owner, &routes).await {
        assert!(!text.contains(THEIRS) && !theirs.values().any(|it| text.contains(it)), "{path}: {text}");
    }
}

#[actix_web::test]
async fn what_is_a_colleagues_own_answers_as_what_is_not_there() {
    let (appliance, _clock) = Appliance::start_held(open, Vec::new()).await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(reeve::access::Role::Viewer).await;
    let ours = objects::of(&appliance, &owner, OURS).await;
    let missing = objects::missing();
    let http = viewer.http.with("x-request-id", "same");
    let mut cells = 0;
    for (route, line) in &listed() {
        let private = matches!(
            line.object.as_deref(),
            Some("session" | "key" | "agent" | "execution" | "chain" | "trigger")
        );
        if !private || route.kind != Kind::Api {
            continue;
        }
        let absent = send(&http, line, &filled(&line.path, &missing, &missing), &line.body).await;
        let other = send(&http, line, &filled(&line.path, &ours, &ours), &line.body).await;
        cells += 1;
        assert_eq!(
            masked(&other, &[&ours, &missing]),
            masked(&absent, &[&ours, &missing]),
            "{} {}",
            line.method,
            line.path
        );
    }
    println!("cells={cells}");
}
