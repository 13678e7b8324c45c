//! Opening credentials for one call. That they were used is on disk before anyone gets them.

use std::sync::Arc;

use super::seal;
use super::types::{Credential, Uses};
use crate::access::Services;
use crate::adapters;
use crate::audit::{self, Note};
use crate::base::{Actor, AgentId, Code, CredentialId, Error, ExecutionId, Json, OrgId, Origin, Result};
use crate::infra::fault;
use crate::infra::store::{OrgTx, Rows};
use crate::infra::vault::{Loaded, Redactor, Watch};
use crate::keys;

/// What they are opened for.
#[derive(Debug, Clone)]
pub struct Use {
    /// `execution`, `probe`, `discovery`.
    pub purpose: &'static str,
    pub actor: Actor,
    pub agent: Option<AgentId>,
    pub execution: Option<ExecutionId>,
}

/// Open credentials. While this lives, logs do not show their values.
#[derive(Default)]
pub struct Opened {
    /// For the call; taken once.
    pub credentials: Vec<adapters::Credential>,
    /// Cuts exactly these values out of what the far end says.
    echo: Option<Arc<Redactor>>,
    watched: Vec<Loaded>,
    /// Each value is watched for as long as this lives.
    echoes: Vec<Watch>,
}

impl Opened {
    /// The text without any of the values, in the forms in which they travel.
    pub fn clean(&self, text: String) -> String {
        match &self.echo {
            None => text,
            Some(echo) => match echo.redact(&text) {
                std::borrow::Cow::Borrowed(_) => text,
                std::borrow::Cow::Owned(clean) => clean,
            },
        }
    }

    /// The same for an answer. One that is no JSON any more without the values is replaced as a whole.
    pub fn clean_json(&self, json: Json) -> Json {
        let Some(echo) = &self.echo else { return json };
        match echo.redact(json.as_str()) {
            std::borrow::Cow::Borrowed(_) => json,
            std::borrow::Cow::Owned(clean) => {
                Json::parse(&clean).unwrap_or_else(|_| Json::of(&serde_json::json!("[secret]")))
            }
        }
    }

    /// Bytes at the end of `text` that could be the beginning of one of the values: on a boundary of a letter.
    pub fn beginning_at_the_end(&self, text: &str) -> usize {
        let longest = |secret: &Loaded| {
            let value = secret.expose();
            (1..value.len().min(text.len() + 1)).rev().find(|length| {
                text.is_char_boundary(text.len() - length) && text.as_bytes().ends_with(&value[..*length])
            })
        };
        self.watched.iter().filter_map(longest).max().unwrap_or(0)
    }

    /// Whether there is anything to cut out.
    pub fn is_empty(&self) -> bool {
        self.echo.is_none()
    }
}

/// The credentials, for one call. When this returns, each use is in the audit log.
///
/// Errors: `CredentialInvalid` for one that is gone, has expired or does not open; `Unavailable` while sealed, or
/// where the use cannot be written down.
pub async fn open(services: &Arc<Services>, org: OrgId, ids: &[CredentialId], why: Use) -> Result<Opened> {
    if ids.is_empty() {
        return Ok(Opened::default());
    }
    let opened = opened(services, org, ids)?;
    fault!("connections.opened"?);
    let (ids, env) = (ids.to_vec(), services.env.clone());
    services
        .store
        .write_org(org, move |tx| {
            let now = env.now();
            for id in ids {
                let mut uses = tx.get::<Uses>(id)?.unwrap_or(Uses { id, count: 0, last_at: now });
                uses.count += 1;
                uses.last_at = now;
                tx.put(&uses)?;
                note(tx, &env, id, &why)?;
            }
            Ok(())
        })
        .await?;
    Ok(opened)
}

fn note(tx: &mut OrgTx<'_, '_>, env: &crate::base::Env, id: CredentialId, why: &Use) -> Result<()> {
    let mut note = Note::of("credential.use", "credential", id).with("purpose", why.purpose);
    if let Some(agent) = why.agent {
        note = note.with("agent_id", agent.to_string());
    }
    if let Some(execution) = why.execution {
        note = note.with("execution_id", execution.to_string());
    }
    audit::append(tx, env, &why.actor, &Origin::default(), note)
}

fn opened(services: &Services, org: OrgId, ids: &[CredentialId]) -> Result<Opened> {
    let rows = services.store.org(org)?;
    let echo = Redactor::new();
    let mut all = Opened { echo: Some(echo.clone()), ..Opened::default() };
    let mut ring = None;
    for id in ids {
        let row: Credential =
            rows.get(*id)?.ok_or_else(|| invalid(*id, "a credential of the agent is gone"))?;
        if row.has_expired(services.env.now()) {
            return Err(invalid(*id, &format!("the credential {} has expired", row.name))
                .suggest("give it a new value, or a later expiry"));
        }
        let ring = match &ring {
            Some(ring) => Arc::clone(ring),
            None => ring.insert(keys::ring(&services.vault, &rows, org)?).clone(),
        };
        let fields = seal::open(&services.vault, &ring, &row)
            .map_err(|it| it.detail("credential_id", id.to_string()))?;
        let mut value = adapters::CredentialValue::new();
        for (name, loaded) in fields {
            if is_secret(&row, &name) {
                all.echoes.push(echo.watch(&loaded));
            }
            value.insert(name, loaded.duplicate());
            all.watched.push(loaded);
        }
        all.credentials.push(adapters::Credential {
            id: id.to_string(),
            kind: row.kind.name().to_owned(),
            value,
            allowed_hosts: row.allowed_hosts,
        });
    }
    Ok(all)
}

/// Names that stand beside a secret may be ordinary words, which an answer is allowed to contain.
fn is_secret(row: &Credential, field: &str) -> bool {
    use super::types::Kind;
    !matches!((row.kind, field), (Kind::BasicAuth, "username") | (Kind::Header, "name"))
}

fn invalid(id: CredentialId, message: &str) -> Error {
    Error::new(Code::CredentialInvalid, message).detail("credential_id", id.to_string())
}
