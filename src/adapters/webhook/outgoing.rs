//! What a webhook agent sends: address, headers, body, credentials, signature.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::super::http::{field, invalid, request, secrets};
use super::config::{BodyFormat, Config, Stream};
use crate::adapters::mapping::{self, MappingError, Place, Scope};
use crate::adapters::{Call, CallError, Credential};
use crate::base::{Clock as _, Code, Json, SystemClock};
use crate::infra::Secret;
use crate::infra::egress::{Request, SecretHeader, parse_url};
use crate::infra::signature::{standard_key, standard_signature};

/// Errors: `InvalidInput` where the mapping does not fit the input, `EgressDenied`, `CredentialInvalid`.
pub(super) async fn build(
    call: &Call,
    config: &Config,
    callback_url: Option<&str>,
) -> Result<Request, CallError> {
    let scope = if config.looks_at_input() { scope(call, callback_url) } else { Scope::default() };
    let mut request =
        request(call, Request::new(config.method.method(), address(config, &scope)?), config.timeout_ms);
    for (name, value) in &config.headers {
        let value = mapping::render(value, &scope, Place::Text).map_err(unfit)?;
        put(&mut request.headers, name, &value)?;
    }
    put(&mut request.headers, "Idempotency-Key", &call.idempotency_key)?;
    if let (Some(name), Some(url)) = (&config.callback_header, callback_url) {
        put(&mut request.headers, name, url)?;
    }
    let accept = match config.stream {
        Stream::Sse => "text/event-stream",
        Stream::Ndjson => "application/x-ndjson, application/json",
        Stream::None => "application/json, text/plain;q=0.9, */*;q=0.8",
    };
    request.headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static(accept));
    if config.method.has_body() {
        fill_body(call, config, &scope, callback_url, &mut request).await?;
    }
    request.secrets = secrets(call, &config.api_key_header()?)?;
    for credential in call.credentials.iter().filter(|it| it.kind == "webhook") {
        sign(credential, &call.idempotency_key, &mut request)?;
    }
    Ok(request)
}

/// What expressions see: `input`, and `run` with what the program knows about this call.
fn scope(call: &Call, callback_url: Option<&str>) -> Scope {
    let run = serde_json::json!({
        "id": call.idempotency_key,
        "session_id": call.session_id,
        "attempt": call.attempt,
        "callback_url": callback_url,
    });
    Scope::default().with_json("input", call.input.as_str()).with_json("run", &run.to_string())
}

fn unfit(error: MappingError) -> CallError {
    CallError::failed(error.0).with_code(Code::InvalidInput)
}

fn address(config: &Config, scope: &Scope) -> Result<Url, CallError> {
    let text = mapping::render(&config.url, scope, Place::Url).map_err(unfit)?;
    let mut url = parse_url(&text)?;
    if !config.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &config.query {
            pairs.append_pair(name, &mapping::render(value, scope, Place::Text).map_err(unfit)?);
        }
    }
    Ok(url)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), CallError> {
    let name = HeaderName::try_from(name).map_err(|_| {
        CallError::failed(format!("\"{name}\" is not the name of a header"))
            .with_code(Code::InvalidAgentConfig)
    })?;
    let value = HeaderValue::try_from(value).map_err(|_| {
        CallError::failed(format!("the header {name} would hold a line break or another control character"))
            .with_code(Code::InvalidInput)
    })?;
    headers.insert(name, value);
    Ok(())
}

async fn fill_body(
    call: &Call,
    config: &Config,
    scope: &Scope,
    callback_url: Option<&str>,
    request: &mut Request,
) -> Result<(), CallError> {
    let mut body = match &config.request {
        Some(mapping) => mapping::apply(mapping, scope).await.map_err(unfit)?,
        None => call.input.clone(),
    };
    if let (Some(field), Some(url)) = (&config.callback_field, callback_url) {
        let Value::Object(mut fields) = body.to_value() else {
            return Err(unfit(MappingError(
                "the body is no object, so it has no field for the callback address".to_owned(),
            )));
        };
        fields.insert(field.clone(), url.into());
        body = Json::of(&Value::Object(fields));
    }
    let (bytes, kind) = match config.body_format {
        BodyFormat::Json => (body.as_str().as_bytes().to_vec(), "application/json"),
        BodyFormat::Form => (form(&body)?.into_bytes(), "application/x-www-form-urlencoded"),
        BodyFormat::Text => (text_of(body.to_value()).into_bytes(), "text/plain; charset=utf-8"),
        BodyFormat::None => return Ok(()),
    };
    request.body = bytes.into();
    request.headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    Ok(())
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn form(body: &Json) -> Result<String, CallError> {
    let Value::Object(fields) = body.to_value() else {
        return Err(unfit(MappingError("a form is made from an object".to_owned())));
    };
    let fields: Map<String, Value> = fields;
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(&name, &text_of(value));
    }
    Ok(form.finish())
}

/// Whether signing credentials can be used at all.
pub(super) fn check_signing(call: &Call) -> Result<(), CallError> {
    call.credentials.iter().filter(|it| it.kind == "webhook").try_for_each(|it| key_of(it).map(|_| ()))
}

/// Signs as Standard Webhooks says: the id is the same on every attempt, the time is this attempt's.
fn sign(credential: &Credential, id: &str, request: &mut Request) -> Result<(), CallError> {
    let timestamp = SystemClock.now().millis() / 1_000;
    let key = key_of(credential)?;
    let signature = standard_signature(&key, id, timestamp, &request.body);
    put(&mut request.headers, "webhook-id", id)?;
    put(&mut request.headers, "webhook-timestamp", &timestamp.to_string())?;
    request.secrets.push(SecretHeader {
        name: HeaderName::from_static("webhook-signature"),
        value: Secret::from(signature),
        allowed_hosts: credential.allowed_hosts.clone(),
    });
    Ok(())
}

/// `whsec_` and base64, or any text.
fn key_of(credential: &Credential) -> Result<Secret, CallError> {
    let secret = field(credential, "secret").or_else(|_| field(credential, "key"))?;
    standard_key(secret).ok_or_else(|| invalid(credential, "after whsec_ its secret is not base64"))
}
