//! Sessions: the list, and one conversation as it goes on, with a line to say more.

use actix_web::HttpRequest;
use askama::Template;
use askama::filters::HtmlSafe;
use schemars::JsonSchema;
use serde::Deserialize;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{AgentId, Error, PageRequest, Result, Timestamp};
use crate::executions::sessions::{self, Message, OnBusy, SessionFilter, SessionView, Speaker};
use crate::executions::store::feed_table;
use crate::executions::types::{NewExecution, TriggerKind};
use crate::executions::{ops, runner_of};
use crate::web::view::{Choice, Field, href};
use crate::web::{
    Faults, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, Sent, SseAnswer, again, live_part,
    path_segment, render, words_part,
};

/// Runs of a conversation on a page.
const SHOWN: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/sessions", index)
            .needs(Action::ExecutionsRead)
            .query::<At>()
            .says("Conversations with agents, the last used first")
            .answers_plain(200, "The page.", HTML),
        Route::get("/sessions/{conversation}", show)
            .needs(Action::ExecutionsRead)
            .of("conversation")
            .query::<At>()
            .says("One conversation")
            .answers_plain(200, "The page.", HTML),
        Route::get("/sessions/{conversation}/stream", stream)
            .needs(Action::ExecutionsRead)
            .of("conversation")
            .query::<At>()
            .says("A conversation as it goes on")
            .answers_plain(200, "Parts of the page.", "text/event-stream"),
        Route::post("/sessions/{conversation}/say", say)
            .needs(Action::AgentsExecute)
            .of("conversation")
            .form::<Said>()
            .says("Says something to the agent of a conversation")
            .answers_plain(303, "Back to the conversation.", ""),
        Route::post("/sessions/begin", begin)
            .needs(Action::AgentsExecute)
            .form::<Begun>()
            .says("Begins a conversation with an agent")
            .answers_plain(303, "The conversation.", ""),
    ]
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct At {
    #[serde(default)]
    cursor: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Said {
    #[serde(default)]
    text: String,
    #[serde(default)]
    on_busy: OnBusy,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Begun {
    agent_id: String,
}

#[derive(Template)]
#[template(path = "executions/sessions.html")]
struct Index {
    frame: Frame,
    rows: Vec<Line>,
    next_href: String,
    first_href: String,
    now: Timestamp,
}

struct Line {
    session: SessionView,
    /// Its title, or how it begins.
    name: String,
    href: String,
    agent: String,
}

/// `GET /sessions`
async fn index(cx: Cx, framing: Framing, query: Query<At>) -> Reply<Html> {
    let cursor = query.0.cursor;
    let request = PageRequest::parse(None, Some(&cursor))?;
    let page = sessions::list(&cx, &SessionFilter::default(), &request)?;
    let next = page.next_cursor.unwrap_or_default();
    let line = |session: SessionView| {
        let (href, agent) = (path_of(&session.id), agent_name(&cx, session.agent_id)?);
        Ok(Line { name: name_of(&session), href, agent, session })
    };
    render(Index {
        frame: framing.frame("Sessions")?,
        rows: page.items.into_iter().map(line).collect::<Result<_>>()?,
        next_href: if next.is_empty() { next } else { href("/sessions", [("cursor", next.as_str())]) },
        first_href: if cursor.is_empty() { String::new() } else { "/sessions".to_owned() },
        now: cx.now(),
    })
}

#[derive(Template)]
#[template(path = "executions/session.html")]
struct Show {
    frame: Frame,
    title: String,
    agent: String,
    agent_href: String,
    stream_href: String,
    /// Empty where nothing can be said here.
    say_href: String,
    /// Why not.
    silent: &'static str,
    faults: Vec<(String, String)>,
    text: Field,
    on_busy: Field,
    session: SessionView,
    now: Timestamp,
    part: Part,
}

impl Show {
    fn new(
        cx: &Cx,
        framing: &Framing,
        session: SessionView,
        cursor: &str,
        typed: &Said,
        faults: &Faults,
    ) -> Result<Self> {
        let path = path_of(&session.id);
        let title = name_of(&session);
        let mut frame = framing.frame(&title)?;
        frame.live = true;
        let silent = why_silent(cx, &session)?;
        let runner = runner_of(cx, &cx.read()?, session.agent_id, None)?;
        let choice = |it: OnBusy| Choice::new(it.name(), format!("{}: {}", it.name(), it.words()));
        Ok(Self {
            frame,
            title,
            agent: if session.agent_id.is_some() { runner.name } else { String::new() },
            agent_href: runner.path.unwrap_or_default(),
            stream_href: href(&format!("{path}/stream"), [("cursor", cursor)]),
            say_href: if silent.is_empty() { format!("{path}/say") } else { String::new() },
            silent,
            faults: faults.summary(["text"]),
            text: Field::area("text", "Your message")
                .value(&typed.text)
                .error(faults.on("text"))
                .rows(3_u16)
                .required(),
            on_busy: Field::select("on_busy", "If it is still at work", OnBusy::ALL.map(choice).to_vec())
                .value(typed.on_busy.name())
                .required(),
            part: part_of(cx, &session.id, cursor)?,
            session,
            now: cx.now(),
        })
    }
}

/// Its title, or how it begins.
fn name_of(session: &SessionView) -> String {
    let name = session.title.as_ref().or(session.first_words.as_ref()).filter(|it| !it.is_empty());
    name.cloned().unwrap_or_else(|| "Untitled conversation".to_owned())
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "executions/_session.html")]
struct Part {
    said: Vec<Bubble>,
    next_href: String,
    first_href: String,
    now: Timestamp,
}

impl HtmlSafe for Part {}

struct Bubble {
    mine: bool,
    text: String,
    /// The run's, where it says more than that it went well.
    status: &'static str,
    run: String,
    at: Timestamp,
}

/// `GET /sessions/{conversation}`
async fn show(cx: Cx, request: HttpRequest, framing: Framing, query: Query<At>) -> Reply<Html> {
    let session = sessions::find(&cx, &words_part(&request, "conversation")?)?;
    render(Show::new(&cx, &framing, session, &query.0.cursor, &Said::default(), &Faults::none())?)
}

/// `GET /sessions/{conversation}/stream`
async fn stream(cx: Cx, request: HttpRequest, query: Query<At>) -> Reply<SseAnswer> {
    let id = sessions::find(&cx, &words_part(&request, "conversation")?)?.id;
    let cursor = query.0.cursor;
    Ok(live_part(&cx, feed_table(), move |cx| Ok(render(part_of(cx, &id, &cursor)?)?.0)))
}

/// `POST /sessions/{conversation}/say`
async fn say(cx: Cx, request: HttpRequest, framing: Framing, form: Form<Said>) -> Reply<Sent> {
    let session = sessions::find(&cx, &words_part(&request, "conversation")?)?;
    let typed = form.0;
    match said(&cx, &session, &typed).await {
        Ok(()) => Ok(SeeOther::to(path_of(&session.id)).into()),
        Err(error) => {
            let faults = Faults::of(error)?;
            again(Show::new(&cx, &framing, session, "", &typed, &faults)?)
        }
    }
}

async fn said(cx: &Cx, session: &SessionView, typed: &Said) -> Result<()> {
    let Some(agent) = session.agent_id else {
        return Err(Error::conflict(
            "this session was begun with a chain, which is told more by running it again",
        ));
    };
    if typed.text.trim().is_empty() {
        return Err(Error::invalid_at("text", "write something first"));
    }
    let request = NewExecution {
        session_id: Some(session.id.clone()),
        on_busy: Some(typed.on_busy),
        wait_ms: Some(0),
        ..NewExecution::of(sessions::input_of(cx, agent, typed.text.trim())?)
    };
    ops::start(cx, &agent.to_string(), TriggerKind::Console, request).await.map(drop)
}

/// `POST /sessions/begin`
async fn begin(cx: Cx, form: Form<Begun>) -> Reply<SeeOther> {
    let new = sessions::NewSession { agent_id: form.0.agent_id, id: None, title: None, metadata: None };
    Ok(SeeOther::to(path_of(&sessions::create(&cx, new).await?.id)))
}

fn why_silent(cx: &Cx, session: &SessionView) -> Result<&'static str> {
    let Some(agent) = session.agent_id else { return Ok("It was begun with a chain.") };
    if !cx.may(Action::AgentsExecute) {
        return Ok("Your role may read along, and not say anything.");
    }
    match sessions::input_of(cx, agent, "Hello, is anybody there?") {
        Ok(_) => Ok(""),
        Err(error) if error.invalid_list().is_empty() => Ok("The agent cannot be run at present."),
        Err(_) => Ok("The agent takes no plain text: run it from its own page, with this session's id."),
    }
}

fn part_of(cx: &Cx, id: &str, cursor: &str) -> Result<Part> {
    let mut request = PageRequest::parse(None, Some(cursor))?;
    request.limit = Some(SHOWN);
    let page = sessions::messages(cx, id, &request)?;
    let (path, next) = (path_of(id), page.next_cursor.unwrap_or_default());
    Ok(Part {
        said: bubbles(page.items),
        next_href: if next.is_empty() { next } else { href(&path, [("cursor", next.as_str())]) },
        first_href: if cursor.is_empty() { String::new() } else { path },
        now: cx.now(),
    })
}

fn bubbles(messages: Vec<Message>) -> Vec<Bubble> {
    let bubble = |it: Message| {
        let mine = it.role == Speaker::User;
        let status = it.status.name();
        Bubble {
            mine,
            text: sessions::words(&it.content),
            status: if mine && status != "completed" { status } else { "" },
            run: it.execution_id.to_string(),
            at: it.at,
        }
    };
    messages.into_iter().map(bubble).collect()
}

fn agent_name(cx: &Cx, agent: Option<AgentId>) -> Result<String> {
    match agent {
        Some(_) => Ok(runner_of(cx, &cx.read()?, agent, None)?.name),
        None => Ok(String::new()),
    }
}

/// Ids are people's own words.
fn path_of(id: &str) -> String {
    format!("/sessions/{}", path_segment(id))
}
