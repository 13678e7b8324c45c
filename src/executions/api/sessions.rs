//! REST endpoints of sessions.

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{Code, Page, PageRequest};
use crate::executions::sessions::{self, Message, NewSession, SessionFilter, SessionUpdate, SessionView};
use crate::web::{Body, Created, Found, Query, Reply, Route, path_segment, words_part};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/sessions", list)
            .needs(Action::ExecutionsRead)
            .says("Conversations with agents, the last used first")
            .query::<ListQuery>()
            .answers::<Page<SessionView>>(200, "One page of sessions")
            .errs(&[Code::AgentNotFound]),
        Route::post("/api/sessions", create)
            .needs(Action::AgentsExecute)
            .says("Begin a session. Running an agent with a new session_id does so, too")
            .takes::<NewSession>()
            .answers::<SessionView>(201, "The session")
            .errs(&[Code::AgentNotFound, Code::Conflict]),
        Route::get("/api/sessions/{conversation}", show)
            .needs(Action::ExecutionsRead)
            .of("conversation")
            .says("One session with its runs that have not ended")
            .answers::<SessionView>(200, "The session")
            .errs(&[Code::NotFound]),
        Route::put("/api/sessions/{conversation}", update)
            .needs(Action::AgentsExecute)
            .of("conversation")
            .says("Replace a session's title and metadata")
            .takes::<SessionUpdate>()
            .answers::<SessionView>(200, "The session as it is now")
            .errs(&[Code::NotFound]),
        Route::get("/api/sessions/{conversation}/messages", messages)
            .needs(Action::ExecutionsRead)
            .of("conversation")
            .says("What was said, oldest first: up to `limit` runs, each with its input and its output")
            .query::<MessageQuery>()
            .answers::<Page<Message>>(200, "One page of messages")
            .errs(&[Code::NotFound]),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SessionQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    /// Id or slug.
    agent_id: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MessageQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `GET /api/sessions`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<SessionView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    let agent = query.0.agent_id.map(|it| agents::find(&cx, &it)).transpose()?.map(|it| it.id);
    Ok(Found(sessions::list(&cx, &SessionFilter { agent }, &page)?))
}

/// `POST /api/sessions`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewSession>) -> Reply<HttpResponse> {
    let body = sessions::create(&cx, body.0).await?;
    let location = format!("/api/sessions/{}", path_segment(&body.id));
    Ok(Created { location, body }.respond_to(&request))
}

/// `GET /api/sessions/{conversation}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<Found<SessionView>> {
    Ok(Found(sessions::find(&cx, &words_part(&request, "conversation")?)?))
}

/// `PUT /api/sessions/{conversation}`
async fn update(cx: Cx, request: HttpRequest, body: Body<SessionUpdate>) -> Reply<Found<SessionView>> {
    Ok(Found(sessions::update(&cx, &words_part(&request, "conversation")?, body.0).await?))
}

/// `GET /api/sessions/{conversation}/messages`
async fn messages(cx: Cx, request: HttpRequest, query: Query<MessageQuery>) -> Reply<Found<Page<Message>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    Ok(Found(sessions::messages(&cx, &words_part(&request, "conversation")?, &page)?))
}
