//! A server as the command line calls it, through the same guarded way out as everything else. The address is
//! allowed because the person typed it.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use url::Url;

use crate::base::{Code, Doing, Error, Id, Invalid, OrgId, Result};
use crate::infra::Secret;
use crate::infra::egress::{
    AllowRule, CallLimits, Caller, Egress, EgressConfig, NoLedger, Request, SecretHeader, SystemResolver,
};
use crate::infra::sse::SseParser;

const LONGEST_RUN: Duration = Duration::from_secs(24 * 3_600);
const MAX_EVENT_BYTES: usize = 32 << 20;

pub(super) struct Remote {
    egress: Egress,
    base: Url,
    key: Option<Secret>,
}

impl Remote {
    /// Errors: `ValidationFailed` for what is no address of a server.
    pub(super) fn new(url: &str, key: Option<String>) -> Result<Self> {
        let base: Url = url
            .parse()
            .map_err(|_| Error::invalid("--url is an address such as https://reeve.example.com"))?;
        let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else {
            return Err(Error::invalid("--url is an address such as https://reeve.example.com"));
        };
        let mut allow: Vec<AllowRule> = format!("{host}:{port}").parse().into_iter().collect();
        // Names that lead to this machine or the office are meant, too.
        for address in (host.trim_matches(['[', ']']), port).to_socket_addrs().into_iter().flatten() {
            allow.extend(address.to_string().parse::<AllowRule>());
        }
        let config = EgressConfig { allow, max_body_bytes: u64::MAX, ..EgressConfig::default() };
        let egress = Egress::new(config, Arc::new(SystemResolver), Arc::new(NoLedger));
        Ok(Self { egress, base, key: key.map(Secret::from) })
    }

    /// Posts `body` and hands every event of the answer to `take`.
    pub(super) async fn events(
        &self,
        path: &str,
        body: &Value,
        mut take: impl FnMut(&str, &Value) -> Result<()>,
    ) -> Result<()> {
        let url = self
            .base
            .join(path)
            .map_err(|_| Error::invalid("this agent's name cannot stand in an address"))?;
        let mut request = Request::post(url, serde_json::to_vec(body).doing("write the request")?);
        request.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        request.limits =
            CallLimits { timeout: LONGEST_RUN, max_body_bytes: u64::MAX, ..CallLimits::default() };
        if let Some(key) = self.key.as_ref().and_then(Secret::expose_str) {
            let name: HeaderName = AUTHORIZATION;
            let value = Secret::from(format!("Bearer {key}"));
            request.secrets.push(SecretHeader { name, value, allowed_hosts: Vec::new() });
        }
        let caller = Caller { org: OrgId::from_bytes([0; 16]), agent: None, purpose: "command-line" };
        let mut response = self.egress.send(&caller, request).await?;
        if !response.status.is_success() {
            return Err(refused(&response.bytes().await?));
        }
        let mut parser = SseParser::new(MAX_EVENT_BYTES);
        while let Some(chunk) = response.chunk().await? {
            parser.feed(&chunk, |event| {
                let data = serde_json::from_str(&event.data).unwrap_or(Value::Null);
                take(event.event.as_deref().unwrap_or_default(), &data)
            })?;
        }
        Ok(())
    }
}

/// The server's own words.
fn refused(body: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body["error"];
    let code = error["code"].as_str().and_then(Code::from_name).unwrap_or(Code::ExecutionFailed);
    let message = error["message"].as_str().unwrap_or("the server answered something else than Reeve does");
    let fields = error["details"]["validation_errors"].clone();
    let fields: Vec<Invalid> = serde_json::from_value(fields).unwrap_or_default();
    let refused = Error::new(code, message.to_owned());
    fields.into_iter().fold(refused, |error, it| error.at(&it.path, it.message))
}
