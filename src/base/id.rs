//! Typed ids: UUIDv7, written as a prefix and 26 lower-case base32 digits (Crockford's alphabet), so that
//! text and bytes sort alike and an agent's id is never taken for a user's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::Error;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

pub trait Id:
    Copy + Ord + std::hash::Hash + fmt::Display + fmt::Debug + FromStr<Err = Error> + Send + Sync + 'static
{
    const PREFIX: &'static str;
    /// What a person calls the thing: `agent`, `user`.
    const NOUN: &'static str;
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(self) -> Uuid;

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_uuid(Uuid::from_bytes(bytes))
    }

    fn bytes(self) -> [u8; 16] {
        self.uuid().into_bytes()
    }
}

fn encode(uuid: Uuid) -> [u8; DIGITS] {
    let mut rest = uuid.as_u128();
    let mut digits = [0; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    digits
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != DIGITS || text.as_bytes()[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|it| *it == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            const NOUN: &'static str = $noun;
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
            fn uuid(self) -> Uuid { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(std::str::from_utf8(&encode(self.0)).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                text.strip_prefix($prefix).and_then(decode).map(Self).ok_or_else(|| {
                    Error::invalid(concat!("the id of ", $noun, " is \"", $prefix, "\" and 26 letters and digits"))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(self.0.as_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str(concat!("an id that begins with ", $prefix))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        Uuid::from_slice(bytes).map($name).map_err(E::custom)
                    }
                }
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Visitor)
                } else {
                    deserializer.deserialize_bytes(Visitor)
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "[0-7][0-9a-hjkmnp-tv-z]{25}$"),
                    "description": concat!("Id of ", $noun, ".")
                })
            }
        }
    )*};
}

ids! {
    OrgId "org_" "an organization";
    UserId "usr_" "a user";
    AgentId "agt_" "an agent";
    VersionId "ver_" "a version";
    ExecutionId "exe_" "an execution";
    CredentialId "cre_" "a credential";
    KeyId "key_" "an API key";
    InvitationId "inv_" "an invitation";
    /// A browser session, or a family of refresh tokens.
    SessionId "ses_" "a session";
    AuditId "aud_" "an audit entry";
    RequestId "req_" "a request";
    WorkflowId "wfl_" "a workflow";
    ScheduleId "sch_" "a schedule";
    TriggerId "trg_" "a trigger";
    /// An endpoint that outgoing webhooks are sent to.
    WebhookId "whk_" "a webhook";
    DeliveryId "dlv_" "a delivery";
    EventId "evt_" "an event";
    BatchId "bat_" "a batch";
    BudgetId "bud_" "a budget";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_sort_alike_and_come_back() {
        let ids: Vec<AgentId> =
            [0, 1, 31, 32, u128::MAX / 3, u128::MAX].map(|n| AgentId(Uuid::from_u128(n))).into();
        for pair in ids.windows(2) {
            assert!(pair[0].to_string() < pair[1].to_string());
        }
        for id in ids {
            assert_eq!(id.to_string().parse::<AgentId>().expect("parses"), id);
        }
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in [
            "",
            "agt_",
            "usr_00000000000000000000000000",
            "agt_80000000000000000000000000",
            "agt_U0000000000000000000000000",
        ] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
    }
}
