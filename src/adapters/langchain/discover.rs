//! The runnables of a server: LangServe has no list of them, but every one leaves its endpoints in the server's
//! OpenAPI document.

use serde_json::{Map, Value, json};
use url::Url;

use super::super::http::{refused, request, secrets};
use super::config::DEFAULT_KEY_HEADER;
use crate::adapters::{Call, CallError, Found};
use crate::base::Code;
use crate::infra::egress::{Request, Response};

/// Runnables whose schemas are asked for; nobody chooses from a longer list.
const MOST: usize = 50;

/// Those at or below the address, or the one whose endpoint it is. Nothing where no LangServe answers.
pub(super) async fn runnables(call: &Call, address: &Url) -> Result<Vec<Found>, CallError> {
    let Some((base, document)) = document(call, address).await? else { return Ok(Vec::new()) };
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let asked = address.path().trim_end_matches('/');
    let mounted = base.path().trim_end_matches('/');
    let runnables: Vec<String> = mounts(&paths).map(|it| format!("{mounted}{it}")).collect();
    // The address of a runnable, of one of its endpoints, or of a folder of runnables.
    let one = runnables.iter().filter(|it| is_below(asked, it)).max_by_key(|it| it.len()).cloned();
    let chosen: Vec<String> = match one {
        Some(one) => vec![one],
        None => runnables.into_iter().filter(|it| is_below(it, asked)).take(MOST).collect(),
    };
    let mut found = Vec::with_capacity(chosen.len());
    for path in chosen {
        let mut url = base.clone();
        url.set_path(&path);
        found.push(described(call, &url, &path).await?);
    }
    Ok(found)
}

/// The nearest OpenAPI document, with the address it hangs at.
async fn document(call: &Call, address: &Url) -> Result<Option<(Url, Value)>, CallError> {
    let mut base = address.clone();
    base.set_query(None);
    base.set_fragment(None);
    loop {
        let response = get(call, &base, "openapi.json").await?;
        if matches!(response.status.as_u16(), 401 | 403) {
            return Err(refused(response, None).await.with_code(Code::CredentialInvalid));
        }
        if response.status.is_success()
            && let Ok(document) = serde_json::from_slice::<Value>(&response.bytes().await?)
            && document["openapi"].is_string()
        {
            return Ok(Some((base, document)));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        let Some((parent, _)) = path.rsplit_once('/') else { return Ok(None) };
        base.set_path(parent);
    }
}

/// Where runnables are mounted: what has `/invoke` and `/stream_log`, which nothing else has.
fn mounts(paths: &Map<String, Value>) -> impl Iterator<Item = &str> {
    paths
        .keys()
        .filter_map(|it| it.strip_suffix("/invoke"))
        .filter(|it| !it.contains('{') && paths.contains_key(&format!("{it}/stream_log")))
}

fn is_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

async fn described(call: &Call, url: &Url, path: &str) -> Result<Found, CallError> {
    let input_schema = schema(call, url, "input_schema").await?;
    let output_schema = schema(call, url, "output_schema").await?;
    let name = path.trim_matches('/').to_owned();
    let takes = taken(input_schema.as_ref());
    Ok(Found {
        name: if name.is_empty() { "runnable".to_owned() } else { name },
        description: input_schema.as_ref().and_then(|it| it["description"].as_str()).map(str::to_owned),
        config: json!({ "url": url.as_str().trim_end_matches('/'), "takes": takes, "answer": "stream" }),
        // What is turned into a text or into messages has another shape there.
        input_schema: input_schema.filter(|_| takes == "json"),
        output_schema: output_schema.filter(|it| it["type"] == "object"),
    })
}

fn taken(schema: Option<&Value>) -> &'static str {
    match schema {
        Some(schema) if schema["type"] == "string" => "text",
        // A chat model: a text, a prompt, or messages.
        Some(schema) if schema["anyOf"].is_array() && schema.to_string().contains("HumanMessage") => {
            "messages"
        }
        _ => "json",
    }
}

/// One that does not answer with a schema has none.
async fn schema(call: &Call, url: &Url, name: &str) -> Result<Option<Value>, CallError> {
    let response = get(call, url, name).await?;
    if matches!(response.status.as_u16(), 401 | 403) {
        return Err(refused(response, None).await.with_code(Code::CredentialInvalid));
    }
    if !response.status.is_success() {
        return Ok(None);
    }
    Ok(serde_json::from_slice::<Value>(&response.bytes().await?).ok().filter(Value::is_object))
}

async fn get(call: &Call, base: &Url, name: &str) -> Result<Response, CallError> {
    let mut url = base.clone();
    url.set_path(&format!("{}/{name}", base.path().trim_end_matches('/')));
    let mut get = request(call, Request::get(url), None);
    get.secrets = secrets(call, &DEFAULT_KEY_HEADER)?;
    Ok(call.egress.send(&call.caller, get).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runnables_are_told_from_other_paths() {
        let paths = json!({
            "/echo/invoke": {}, "/echo/stream_log": {}, "/echo/c/{config_hash}/invoke": {},
            "/echo/c/{config_hash}/stream_log": {}, "/other/invoke": {}, "/invoke": {}, "/stream_log": {},
        });
        let found: Vec<String> = mounts(paths.as_object().expect("an object")).map(str::to_owned).collect();
        assert_eq!(found, ["/echo", ""]);
        assert!(is_below("/echo/invoke", "/echo") && is_below("/echo", "") && !is_below("/echoes", "/echo"));
    }
}
