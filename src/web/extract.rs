//! What handlers take: the caller, a strict JSON body, a strict query, a form, ids of the path.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::context::RequestTag;
use super::strict::Strict;
use crate::access::Cx;
use crate::base::{Code, Error, Result, check_depth, in_words};

/// The body as the guard read it, within the route's limit.
#[derive(Clone, Default)]
pub(super) struct RawBody(pub Bytes);

/// The body as it came, for those who check its signature before they read it.
pub struct Raw(pub Bytes);

impl FromRequest for Raw {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.extensions().get::<RawBody>().cloned().unwrap_or_default().0)))
    }
}

impl FromRequest for Cx {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let cx = request.extensions().get::<Cx>().cloned();
        ready(cx.ok_or_else(|| Error::unauthenticated("log in, or send a token")))
    }
}

/// The caller where there is one, on pages that anyone may open.
pub struct MaybeCx(pub Option<Cx>);

impl FromRequest for MaybeCx {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.extensions().get::<Cx>().cloned())))
    }
}

impl FromRequest for RequestTag {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tag = request.extensions().get::<RequestTag>().cloned();
        ready(tag.ok_or_else(|| Error::internal("find the request id", "not set")))
    }
}

/// A JSON body. Unknown fields are refused where the type says `deny_unknown_fields`, which every input type does.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Body<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(body_of(request, "application/json").and_then(|it| parse_json(&it)).map(Self))
    }
}

/// A body of any kind that the route names.
pub struct AnyBody {
    /// Its content type in lower case, without parameters.
    pub kind: String,
    pub bytes: Bytes,
}

impl AnyBody {
    /// As `Body`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        parse_json(&self.bytes)
    }
}

impl FromRequest for AnyBody {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bytes = request.extensions().get::<RawBody>().cloned().unwrap_or_default().0;
        ready(Ok(Self { kind: kind_of(request).to_ascii_lowercase(), bytes }))
    }
}

/// As `Body`, where an empty body stands for the type's default.
pub struct MaybeBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest for MaybeBody<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let raw = request.extensions().get::<RawBody>().cloned().unwrap_or_default().0;
        if raw.is_empty() {
            return ready(Ok(Self(T::default())));
        }
        ready(body_of(request, "application/json").and_then(|it| parse_json(&it)).map(Self))
    }
}

/// A form as browsers send it.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = body_of(request, "application/x-www-form-urlencoded").and_then(|it| {
            let pairs = url::form_urlencoded::parse(&it);
            serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
                .map_err(|error| wrong(error.path(), error.inner()))
        });
        ready(parsed.map(Self))
    }
}

/// The pairs of a form, for forms whose fields come from a JSON Schema.
pub struct FormPairs(pub Vec<(String, String)>);

impl FromRequest for FormPairs {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = body_of(request, "application/x-www-form-urlencoded").and_then(|it| {
            serde_urlencoded::from_bytes(&it)
                .map_err(|it| Error::invalid(format!("this form cannot be read: {it}")))
        });
        ready(parsed.map(Self))
    }
}

/// The query. Unknown parameters are refused where the type says so.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        let parsed = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
        ready(parsed.map(Self).map_err(|error| wrong(error.path(), error.inner())))
    }
}

/// One part of the path, parsed.
///
/// Errors: `NotFound` where it cannot be that part, in the words for one that could be and is not there.
pub fn part<T: FromStr<Err = Error>>(request: &HttpRequest, name: &str) -> Result<T> {
    let text = text_part(request, name)?;
    let noun = match name {
        "key" => "API key",
        "entry" => "audit entry",
        _ => name,
    };
    text.parse().map_err(|_| Error::not_found(noun, text))
}

/// One part of the path as text.
pub fn text_part<'a>(request: &'a HttpRequest, name: &str) -> Result<&'a str> {
    request.match_info().get(name).ok_or_else(|| Error::internal("read the path", format!("no part {name}")))
}

/// As `text_part`, for people's own words: with what stands encoded in the address.
pub fn words_part(request: &HttpRequest, name: &str) -> Result<String> {
    // The router leaves `%`, `/` and `+` as they were sent.
    let pair = format!("={}", text_part(request, name)?.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
    Ok(decoded.map(|it| it.1.into_owned()).unwrap_or_default())
}

/// Words as one part of a path; what `words_part` reads back.
pub fn path_segment(words: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// Parses a body strictly, and says which field is wrong.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::invalid("a body is UTF-8 text"))?;
    check_depth(bytes)?;
    // Following the path costs more than parsing, so only what fails is parsed again with it.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = T::deserialize(Strict(&mut deserializer)).and_then(|it| deserializer.end().map(|()| it));
    parsed.map_err(|error| explained::<T>(text, &error))
}

fn explained<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Error {
    if error.is_data() {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if let Err(error) = serde_path_to_error::deserialize::<_, T>(Strict(&mut deserializer)) {
            return wrong(error.path(), error.inner());
        }
    }
    Error::invalid(format!("the body is not one JSON value: {error}"))
}

fn wrong(at: &serde_path_to_error::Path, error: &impl Display) -> Error {
    let invalid = in_words(pointer(at).replace("/?", ""), &error.to_string());
    Error::invalid_fields(Code::ValidationFailed, vec![invalid])
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

fn kind_of(request: &HttpRequest) -> &str {
    let given = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim()
}

fn body_of(request: &HttpRequest, content_type: &str) -> Result<Bytes> {
    if !kind_of(request).eq_ignore_ascii_case(content_type) {
        return Err(Error::new(Code::UnsupportedMediaType, format!("send this as {content_type}")));
    }
    Ok(request.extensions().get::<RawBody>().cloned().unwrap_or_default().0)
}
