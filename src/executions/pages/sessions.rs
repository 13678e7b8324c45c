//! Sessions: the list, and one conversation as it goes on, with a line to say more.

use actix_web::HttpRequest;
use askama::Template;
use askama::filters::HtmlSafe;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::HTML;
use crate::access::{Action, Cx};
use crate::base::{AgentId, Error, Json, PageRequest, Result, Timestamp};
use crate::executions::sessions::{self, Message, OnBusy, SessionFilter, SessionView, Speaker};
use crate::executions::store::feed_table;
use crate::executions::types::{NewExecution, TriggerKind};
use crate::executions::{ops, runner_of};
use crate::web::view::href;
use crate::web::{
    Flash, Form, Frame, Framing, Html, Query, Reply, Route, SeeOther, SseAnswer, live_part, path_segment,
    render, words_part,
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

#[derive(Debug, Deserialize, JsonSchema)]
struct Said {
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
        Ok(Line { href: path_of(&session.id), agent: agent_name(&cx, session.agent_id)?, session })
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
    session: SessionView,
    now: Timestamp,
    part: Part,
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
    let path = path_of(&session.id);
    let part = part_of(&cx, &session.id, &query.0.cursor)?;
    let title = session.title.clone().unwrap_or_else(|| "Conversation".to_owned());
    let mut frame = framing.frame(&title)?;
    frame.live = true;
    let silent = why_silent(&cx, &session)?;
    let runner = runner_of(&cx, &cx.read()?, session.agent_id, None)?;
    render(Show {
        frame,
        title,
        agent: if session.agent_id.is_some() { runner.name } else { String::new() },
        agent_href: runner.path.unwrap_or_default(),
        stream_href: href(&format!("{path}/stream"), [("cursor", query.0.cursor.as_str())]),
        say_href: if silent.is_empty() { format!("{path}/say") } else { String::new() },
        silent,
        session,
        now: cx.now(),
        part,
    })
}

/// `GET /sessions/{conversation}/stream`
async fn stream(cx: Cx, request: HttpRequest, query: Query<At>) -> Reply<SseAnswer> {
    let id = sessions::find(&cx, &words_part(&request, "conversation")?)?.id;
    let cursor = query.0.cursor;
    Ok(live_part(&cx, feed_table(), move |cx| Ok(render(part_of(cx, &id, &cursor)?)?.0)))
}

/// `POST /sessions/{conversation}/say`
async fn say(cx: Cx, request: HttpRequest, form: Form<Said>) -> Reply<SeeOther> {
    let session = sessions::find(&cx, &words_part(&request, "conversation")?)?;
    let Said { text, on_busy } = form.0;
    let path = path_of(&session.id);
    if text.trim().is_empty() {
        return Ok(SeeOther::to(path).saying(Flash::bad("Write something first.")));
    }
    let Some(agent) = session.agent_id else {
        return Err(Error::conflict(
            "this session was begun with a chain, which is told more by running it again",
        ));
    };
    let request = NewExecution {
        session_id: Some(session.id),
        on_busy: Some(on_busy),
        wait_ms: Some(0),
        ..NewExecution::of(sessions::input_of(&cx, agent, text.trim())?)
    };
    ops::start(&cx, &agent.to_string(), TriggerKind::Console, request).await?;
    Ok(SeeOther::to(path))
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
            text: words(&it.content),
            status: if mine && status != "completed" { status } else { "" },
            run: it.execution_id.to_string(),
            at: it.at,
        }
    };
    messages.into_iter().map(bubble).collect()
}

/// The text where it is one, or the one field that is; otherwise the JSON.
fn words(content: &Json) -> String {
    let value = content.to_value();
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let only = value.as_object().filter(|it| it.len() == 1).and_then(|it| it.values().next());
    let text = only.and_then(Value::as_str);
    text.map_or_else(|| serde_json::to_string_pretty(&value).unwrap_or_default(), str::to_owned)
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
