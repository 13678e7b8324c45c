//! Errors become answers here and nowhere else: status, envelope, log line.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::{Code, Error, Invalid, Timestamp};

pub type Reply<T> = std::result::Result<T, Error>;

pub const fn status_of(code: Code) -> u16 {
    match code {
        Code::Unauthenticated => 401,
        Code::InsufficientPermissions | Code::AgentAccessDenied | Code::EgressDenied => 403,
        Code::AgentNotFound | Code::NotFound | Code::VisibilityViolation => 404,
        Code::MethodNotAllowed => 405,
        Code::VersionConflict
        | Code::DuplicateAgentName
        | Code::AgentCreationFailed
        | Code::OrganizationLimitExceeded
        | Code::Conflict
        | Code::ExecutionCancelled
        | Code::Stopped
        | Code::IdempotencyKeyReused => 409,
        Code::PreconditionFailed => 412,
        Code::PayloadTooLarge => 413,
        Code::UnsupportedMediaType => 415,
        Code::InvalidAgentConfig | Code::InvalidInput | Code::CredentialInvalid | Code::ValidationFailed => {
            422
        }
        Code::RateLimited | Code::ResourceExhausted => 429,
        Code::Internal => 500,
        Code::ExecutionFailed | Code::ChainExecutionFailed | Code::Interrupted | Code::InvalidOutput => 502,
        Code::Unavailable => 503,
        Code::ExecutionTimeout => 504,
    }
}

/// The one shape of every error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Envelope {
    pub error: Failure,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// Stable name of the error.
    pub code: Code,
    pub message: String,
    pub details: Details,
    pub timestamp: Timestamp,
    pub request_id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Details {
    /// Wrong fields, by JSON Pointer.
    pub validation_errors: Vec<Invalid>,
    /// What was used up, where a limit was met.
    pub resource_usage: Option<Value>,
    pub suggested_actions: Vec<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Envelope {
    pub fn of(error: &Error, now: Timestamp, request_id: &str) -> Self {
        let mut more = error.details().clone();
        let resource_usage = more.remove("resource_usage");
        Self {
            error: Failure {
                code: error.code(),
                message: error.message().to_owned(),
                details: Details {
                    validation_errors: error.invalid_list().to_vec(),
                    resource_usage,
                    suggested_actions: error.suggestions().to_vec(),
                    more,
                },
                timestamp: now,
                request_id: request_id.to_owned(),
            },
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(status_of(self.code())).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An answer without a body. `context`, which every request passes, writes the body, because it knows
    /// the request's id and whether a program or a person asked.
    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(ms) = self.retry_after_ms() {
            answer.insert_header((RETRY_AFTER, ms.div_ceil(1_000).max(1).to_string()));
        }
        answer.finish()
    }
}
