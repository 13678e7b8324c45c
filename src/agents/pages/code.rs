//! How programs run an agent.

use actix_web::HttpRequest;
use serde_json::{Value, json};

use super::sample::sample;
use super::{HTML, Head, agent_of};
use crate::access::{Action, Cx};
use crate::base::{Doing, Result};
use crate::web::{Frame, Framing, Html, Reply, Route, render};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/agents/{agent}/code", show)
            .needs(Action::AgentsRead)
            .of("agent")
            .says("How programs run an agent: curl, Python, TypeScript")
            .answers_plain(200, "The page.", HTML),
    ]
}

#[derive(askama::Template)]
#[template(path = "agents/code.html")]
struct Code {
    frame: Frame,
    head: Head,
    snippets: Vec<(&'static str, String)>,
}

/// `GET /agents/{agent}/code`
async fn show(cx: Cx, request: HttpRequest, framing: Framing) -> Reply<Html> {
    let head = Head::of(&cx, agent_of(&request)?, "/code")?;
    let base = cx.services().config.public_url();
    let input = sample(&head.agent.input_schema.to_value());
    let snippets = snippets(&base, &head.agent.slug, &input)?;
    render(Code { frame: framing.frame(head.title("Code"))?, head, snippets })
}

fn snippets(base: &str, slug: &str, input: &Value) -> Result<Vec<(&'static str, String)>> {
    let body = json!({"input": input});
    let line = serde_json::to_string(&body).doing("write a sample")?;
    let pretty = serde_json::to_string_pretty(&body).doing("write a sample")?;
    let url = format!("{base}/api/agents/{slug}/execute");
    let quoted = line.replace('\'', "'\\''");
    let curl = format!(
        "curl {url} \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{quoted}'"
    );
    let stream = format!(
        "curl -N {url}/stream \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{quoted}'"
    );
    // JSON written as a text is a text in Python and TypeScript as well.
    let text = serde_json::to_string(&line).doing("write a sample")?;
    let python = format!(
        "import os, urllib.request, json\n\nrequest = urllib.request.Request(\n    \"{url}\",\n    data={text}.encode(),\n    headers={{\n        \"Authorization\": \"Bearer \" + os.environ[\"REEVE_API_KEY\"],\n        \"Content-Type\": \"application/json\",\n    }},\n)\nwith urllib.request.urlopen(request) as answer:\n    run = json.load(answer)\nprint(run[\"status\"], run[\"output\"])"
    );
    let typed = pretty.replace('\n', "\n  ");
    let typescript = format!(
        "const answer = await fetch(\"{url}\", {{\n  method: \"POST\",\n  headers: {{\n    Authorization: `Bearer ${{process.env.REEVE_API_KEY}}`,\n    \"Content-Type\": \"application/json\",\n  }},\n  body: JSON.stringify({typed}),\n}});\nconst run = await answer.json();\nif (!answer.ok) throw new Error(run.error.message);\nconsole.log(run.status, run.output);"
    );
    Ok(vec![
        ("curl", curl),
        ("curl, as it is written", stream),
        ("Python", python),
        ("TypeScript", typescript),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_do_not_end_the_command() {
        let all = snippets("http://reeve.test", "it", &json!({"text": "it's \"so\""})).expect("writes");
        assert!(all[0].1.contains("it'\\''s"), "{}", all[0].1);
    }
}
