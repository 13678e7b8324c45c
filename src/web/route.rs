//! The table of routes. Server, OpenAPI document and authorization matrix are all made from it: what has no
//! entry is not served.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, guard};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::access::Action;
use crate::base::Code;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, also without a log-in.
    Open,
    /// Members of an organization whose role and token allow the action.
    Needs(Action),
    /// Any member, for what is their own (log-out, profile).
    Member,
    /// Those who run the appliance.
    Superadmin,
}

/// How a call proves who it is, and what it gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON for programs: `Authorization` or `X-API-Key`; errors are envelopes.
    Api,
    /// HTML for people: the session cookie, with CSRF protection for what is not GET; errors are pages.
    Page,
    /// For machines that hold neither (health, hooks): no log-in; errors are envelopes.
    Bare,
}

/// How a changing call is protected against being sent by another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Csrf {
    /// Changes nothing.
    Safe,
    /// Takes no cookie, so that another site has nothing to ride on.
    NoCookie,
    /// Same origin, and the session's token in the form or header.
    Token,
    /// A form that people fill in before they have a session: same origin only.
    Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// By key, person or address.
    Usual,
    /// Log-in, setup, password: few per address.
    Login,
    /// Not counted (health).
    None,
}

type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

#[derive(Clone, Copy)]
pub struct Body {
    pub schema: MakeSchema,
    pub content_type: &'static str,
    pub required: bool,
    /// Further content types, as plain text.
    pub others: &'static [&'static str],
}

#[derive(Clone, Copy)]
pub struct Answer {
    pub status: u16,
    pub says: &'static str,
    pub schema: Option<MakeSchema>,
    pub content_type: &'static str,
}

/// One entry. Made by `Route::get` … and said more of by the methods that follow.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// Name of the handler: `executions::api::create`.
    pub name: &'static str,
    pub kind: Kind,
    pub access: Access,
    /// What `{…}` in the path names: `agent`, `execution`.
    pub object: Option<&'static str>,
    pub csrf: Csrf,
    pub limit: Limit,
    pub summary: &'static str,
    pub body: Option<Body>,
    /// Bytes that a body may have; `None`: `limits.body_bytes`.
    pub max_body_bytes: Option<usize>,
    pub query: Option<MakeSchema>,
    pub answers: Vec<Answer>,
    pub errors: Vec<Code>,
    /// The answer holds something that is shown once, so that it is never kept for a replay.
    pub one_time_secret: bool,
    pub(super) make: Box<dyn Fn() -> actix_web::Route + Send + Sync>,
}

impl Route {
    pub fn get<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::GET, path, handler)
    }

    pub fn post<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::POST, path, handler)
    }

    pub fn put<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::PUT, path, handler)
    }

    pub fn patch<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::PATCH, path, handler)
    }

    pub fn delete<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::DELETE, path, handler)
    }

    fn new<F, Args>(method: Method, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Clone + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let kind = if path.starts_with("/api/") { Kind::Api } else { Kind::Page };
        let csrf = match (&method, kind) {
            (&Method::GET, _) => Csrf::Safe,
            (_, Kind::Page) => Csrf::Token,
            _ => Csrf::NoCookie,
        };
        let name = std::any::type_name::<F>();
        let of = method.clone();
        Self {
            method,
            path,
            name: name.strip_prefix("reeve::").unwrap_or(name),
            kind,
            // Nobody until the entry says who.
            access: Access::Superadmin,
            object: None,
            csrf,
            limit: Limit::Usual,
            summary: "",
            body: None,
            max_body_bytes: None,
            query: None,
            answers: Vec::new(),
            errors: Vec::new(),
            one_time_secret: false,
            make: Box::new(move || {
                let route = if of == Method::GET {
                    // `HEAD` is answered by the same handler, without its body.
                    actix_web::Route::new().guard(guard::Any(guard::Get()).or(guard::Head()))
                } else {
                    actix_web::web::method(of.clone())
                };
                route.to(handler.clone())
            }),
        }
    }

    pub fn needs(mut self, action: Action) -> Self {
        self.access = Access::Needs(action);
        self
    }

    pub fn open(mut self) -> Self {
        self.access = Access::Open;
        if self.csrf == Csrf::Token {
            self.csrf = Csrf::Origin;
        }
        self
    }

    pub fn member(mut self) -> Self {
        self.access = Access::Member;
        self
    }

    pub fn superadmin(mut self) -> Self {
        self.access = Access::Superadmin;
        self
    }

    /// A machine's route without a log-in.
    pub fn bare(mut self) -> Self {
        self.kind = Kind::Bare;
        self.csrf = if self.method == Method::GET { Csrf::Safe } else { Csrf::NoCookie };
        self.access = Access::Open;
        self
    }

    /// What the path's `{…}` names.
    pub fn of(mut self, object: &'static str) -> Self {
        self.object = Some(object);
        self
    }

    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    pub fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body {
            schema: SchemaGenerator::subschema_for::<T>,
            content_type: "application/json",
            required: true,
            others: &[],
        });
        self
    }

    /// As `takes`, where the body may be left out.
    pub fn may_take<T: JsonSchema>(mut self) -> Self {
        self = self.takes::<T>();
        if let Some(body) = &mut self.body {
            body.required = false;
        }
        self
    }

    /// A form of a page.
    pub fn form<T: JsonSchema>(mut self) -> Self {
        self = self.takes::<T>();
        if let Some(body) = &mut self.body {
            body.content_type = "application/x-www-form-urlencoded";
        }
        self
    }

    /// Content types besides the one of `takes`, whose bodies are text.
    pub fn also_takes(mut self, kinds: &'static [&'static str]) -> Self {
        if let Some(body) = &mut self.body {
            body.others = kinds;
        }
        self
    }

    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    pub fn answers<T: JsonSchema>(mut self, status: u16, says: &'static str) -> Self {
        let schema: MakeSchema = SchemaGenerator::subschema_for::<T>;
        self.answers.push(Answer { status, says, schema: Some(schema), content_type: "application/json" });
        self
    }

    /// An answer without a body of JSON: `204`, a redirect, a stream.
    pub fn answers_plain(mut self, status: u16, says: &'static str, content_type: &'static str) -> Self {
        self.answers.push(Answer { status, says, schema: None, content_type });
        self
    }

    /// The answer holds a secret that is shown once: it is not kept for a replay.
    pub fn shows_secret_once(mut self) -> Self {
        self.one_time_secret = true;
        self
    }

    /// Errors beyond those that every route of its kind can answer.
    pub fn errs(mut self, codes: &[Code]) -> Self {
        self.errors.extend_from_slice(codes);
        self
    }
}
