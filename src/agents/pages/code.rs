//! How programs run an agent.

use actix_web::HttpRequest;
use serde_json::{Map, Value, json};

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
    let input = sample(&head.agent.input_schema.to_value(), 0);
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
    let typescript = format!(
        "const answer = await fetch(\"{url}\", {{\n  method: \"POST\",\n  headers: {{\n    Authorization: `Bearer ${{process.env.REEVE_API_KEY}}`,\n    \"Content-Type\": \"application/json\",\n  }},\n  body: JSON.stringify({pretty}),\n}});\nconst run = await answer.json();\nif (!answer.ok) throw new Error(run.error.message);\nconsole.log(run.status, run.output);"
    );
    Ok(vec![
        ("curl", curl),
        ("curl, as it is written", stream),
        ("Python", python),
        ("TypeScript", typescript),
    ])
}

const MAX_DEPTH: usize = 6;

/// A value as the schema might take it: its example, its default, or something of its type.
fn sample(schema: &Value, depth: usize) -> Value {
    let given = schema.get("examples").and_then(|it| it.get(0)).or_else(|| schema.get("default"));
    let given = given.or_else(|| schema.get("const")).or_else(|| schema.get("enum").and_then(|it| it.get(0)));
    if let Some(value) = given {
        return value.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    match (kind, properties) {
        (_, Some(properties)) if depth < MAX_DEPTH => {
            let required = schema.get("required").and_then(Value::as_array);
            let wanted = |key: &str| required.is_none_or(|it| it.iter().any(|it| it == key));
            let fields = properties.iter().filter(|it| wanted(it.0));
            Value::Object(fields.map(|(key, inner)| (key.clone(), sample(inner, depth + 1))).collect())
        }
        (Some("string"), _) => json!("text"),
        (Some("integer"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        (Some("number"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(0.5)),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) if depth < MAX_DEPTH => {
            schema.get("items").map_or_else(|| json!([]), |it| json!([sample(it, depth + 1)]))
        }
        (Some("array"), _) => json!([]),
        (Some("object"), _) => Value::Object(Map::new()),
        (Some("null"), _) => Value::Null,
        _ => json!({"text": "Hello"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_fits_its_schema() {
        for schema in [
            json!({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}}),
            json!({"type": "array", "items": {"type": "number", "minimum": 3}}),
            json!({"type": ["string", "null"], "examples": ["it's"]}),
            json!({"enum": ["a", "b"]}),
            json!({}),
        ] {
            let value = sample(&schema, 0);
            assert!(jsonschema::is_valid(&schema, &value), "{schema} {value}");
        }
    }

    #[test]
    fn quotes_do_not_end_the_command() {
        let all = snippets("http://reeve.test", "it", &json!({"text": "it's \"so\""})).expect("writes");
        assert!(all[0].1.contains("it'\\''s"), "{}", all[0].1);
    }
}
