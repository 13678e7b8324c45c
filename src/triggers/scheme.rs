//! How others sign what they send. Pure: headers, body, secret and the time come in, a verdict comes out. Signatures
//! are compared in constant time, and looked at before anything else that the sender wrote.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::incoming::Headers;
use crate::base::Timestamp;
use crate::infra::Secret;
use crate::infra::signature::{decoded, is_signed, standard_key};

macro_rules! schemes {
    ($($(#[$doc:meta])* $name:ident $text:literal,)*) => {
        /// Whose way of signing it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(rename = "SignatureScheme")]
        pub enum Preset { $($(#[$doc])* $name,)* }

        impl Preset {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }
    };
}

schemes! {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`.
    StandardWebhooks "standard_webhooks",
    /// `X-Hub-Signature-256: sha256=…`.
    Github "github",
    /// `Stripe-Signature: t=…,v1=…`.
    Stripe "stripe",
    /// `X-Slack-Request-Timestamp`, `X-Slack-Signature: v0=…`.
    Slack "slack",
    /// HMAC-SHA256 of the body in a header of your choice.
    Hmac "hmac",
    /// No signature: whoever knows the address can start runs.
    None "none",
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SignatureEncoding")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scheme {
    pub preset: Preset,
    /// Of `hmac`: in lower case.
    #[serde(default)]
    pub header: String,
    #[serde(default)]
    pub encoding: Encoding,
    /// Of `hmac`: what stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
}

/// A call whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    /// What the sender calls this message, where it says so.
    pub delivery_id: Option<String>,
    /// Whether the signature covers it, so that nobody else can have changed it.
    pub id_is_signed: bool,
}

/// Why a call is not let in: a sentence for whoever looks at the hits, and for the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub String);

fn refused<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

impl Scheme {
    pub(super) fn of(preset: Preset) -> Self {
        Self { preset, header: String::new(), encoding: Encoding::Hex, prefix: String::new() }
    }

    /// Whether its messages carry the time at which they were signed.
    pub(super) fn is_timed(&self) -> bool {
        matches!(self.preset, Preset::StandardWebhooks | Preset::Stripe | Preset::Slack)
    }

    pub(super) fn is_signed(&self) -> bool {
        self.preset != Preset::None
    }

    /// The headers that the scheme reads, which nothing behind it needs to see.
    pub(super) fn own_headers(&self) -> Vec<&str> {
        match self.preset {
            Preset::StandardWebhooks => vec!["webhook-signature"],
            Preset::Github => vec!["x-hub-signature-256", "x-hub-signature"],
            Preset::Stripe => vec!["stripe-signature"],
            Preset::Slack => vec!["x-slack-signature"],
            Preset::Hmac => vec![self.header.as_str()],
            Preset::None => Vec::new(),
        }
    }

    /// `tolerance_ms`: how far the time of the message may be from `now`, either way.
    pub(super) fn verify(
        &self,
        headers: &Headers,
        body: &[u8],
        secret: &Secret,
        now: Timestamp,
        tolerance_ms: u64,
    ) -> Result<Verified, Refused> {
        let (sent_at, delivery_id) = match self.preset {
            Preset::StandardWebhooks => standard(headers, body, secret)?,
            Preset::Github => github(headers, body, secret)?,
            Preset::Stripe => stripe(headers, body, secret)?,
            Preset::Slack => slack(headers, body, secret)?,
            Preset::Hmac => self.hmac(headers, body, secret)?,
            Preset::None => (None, None),
        };
        if let Some(seconds) = sent_at {
            in_time(seconds, now, tolerance_ms)?;
        }
        Ok(Verified { delivery_id, id_is_signed: self.preset == Preset::StandardWebhooks })
    }

    fn hmac(&self, headers: &Headers, body: &[u8], secret: &Secret) -> Found {
        let given = need(headers, &self.header)?;
        let Some(text) = given.strip_prefix(self.prefix.as_str()) else {
            return refused(format!("the header {} does not begin with {}", self.header, self.prefix));
        };
        let signature = match self.encoding {
            Encoding::Hex => hex(text.trim()),
            Encoding::Base64 => decoded(text),
        };
        let Some(signature) = signature else {
            return refused(format!("the header {} holds no signature", self.header));
        };
        check(is_signed(secret.expose(), &[body], &signature))?;
        Ok((None, None))
    }
}

/// The time of the message in seconds, and what the sender calls it.
type Found = Result<(Option<i64>, Option<String>), Refused>;

fn need<'h>(headers: &'h Headers, name: &str) -> Result<&'h str, Refused> {
    match headers.get(name) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => refused(format!("the header {name} is missing")),
    }
}

fn check(fits: bool) -> Result<(), Refused> {
    if fits { Ok(()) } else { refused("the signature does not fit the body and this trigger's secret") }
}

fn in_time(seconds: i64, now: Timestamp, tolerance_ms: u64) -> Result<(), Refused> {
    let sent = Timestamp::from_millis(seconds.saturating_mul(1_000));
    let (late, early) = (now.since(sent), sent.since(now));
    let within = tolerance_ms / 1_000;
    if late > tolerance_ms {
        let late = late / 1_000;
        return refused(format!("this was signed {late} s ago, and is taken within {within} s only"));
    }
    if early > tolerance_ms {
        let early = early / 1_000;
        return refused(format!(
            "this is signed {early} s ahead of our clock, and is taken within {within} s only"
        ));
    }
    Ok(())
}

fn seconds(text: &str, header: &str) -> Result<i64, Refused> {
    text.trim().parse().or_else(|_| refused(format!("the header {header} holds no time in seconds")))
}

/// Base64 of HMAC over `id.timestamp.body`; one of several may fit.
fn standard(headers: &Headers, body: &[u8], secret: &Secret) -> Found {
    let id = need(headers, "webhook-id")?;
    let at = need(headers, "webhook-timestamp")?;
    let given = need(headers, "webhook-signature")?;
    let Some(key) = standard_key(secret) else { return refused("this trigger's secret is no key") };
    let head = format!("{id}.{at}.");
    let fits = |entry: &str| {
        let signature = entry.strip_prefix("v1,").and_then(decoded);
        signature.is_some_and(|it| is_signed(key.expose(), &[head.as_bytes(), body], &it))
    };
    // All are looked at, so that the time does not say which fits.
    check(given.split(' ').fold(false, |found, entry| fits(entry) | found))?;
    Ok((Some(seconds(at, "webhook-timestamp")?), Some(id.to_owned())))
}

/// Hexadecimal of HMAC over the body.
fn github(headers: &Headers, body: &[u8], secret: &Secret) -> Found {
    let given = need(headers, "x-hub-signature-256")?;
    let signature = given.strip_prefix("sha256=").and_then(hex);
    let Some(signature) = signature else {
        return refused("the header x-hub-signature-256 is sha256= and 64 hexadecimal digits");
    };
    check(is_signed(secret.expose(), &[body], &signature))?;
    Ok((None, headers.get("x-github-delivery").map(str::to_owned)))
}

/// Hexadecimal of HMAC over `t.body`, the secret as text; one of several may fit.
fn stripe(headers: &Headers, body: &[u8], secret: &Secret) -> Found {
    let given = need(headers, "stripe-signature")?;
    let pairs: Vec<(&str, &str)> = given.split(',').filter_map(|it| it.trim().split_once('=')).collect();
    let Some((_, at)) = pairs.iter().find(|it| it.0 == "t") else {
        return refused("the header stripe-signature has no t=");
    };
    let head = format!("{at}.");
    let fits =
        |text: &str| hex(text).is_some_and(|it| is_signed(secret.expose(), &[head.as_bytes(), body], &it));
    check(pairs.iter().filter(|it| it.0 == "v1").fold(false, |found, it| fits(it.1) | found))?;
    Ok((Some(seconds(at, "stripe-signature")?), None))
}

/// Hexadecimal of HMAC over `v0:timestamp:body`.
fn slack(headers: &Headers, body: &[u8], secret: &Secret) -> Found {
    let at = need(headers, "x-slack-request-timestamp")?;
    let given = need(headers, "x-slack-signature")?;
    let Some(signature) = given.strip_prefix("v0=").and_then(hex) else {
        return refused("the header x-slack-signature is v0= and 64 hexadecimal digits");
    };
    let head = format!("v0:{at}:");
    check(is_signed(secret.expose(), &[head.as_bytes(), body], &signature))?;
    Ok((Some(seconds(at, "x-slack-request-timestamp")?), None))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|it| it.to_digit(16)).collect();
    let digits = digits.filter(|it| it.len() % 2 == 0 && !it.is_empty())?;
    Some(digits.chunks(2).map(|it| (it[0] * 16 + it[1]) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::signature::hmac_sha256;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn hexed(bytes: &[u8]) -> String {
        bytes.iter().map(|it| format!("{it:02x}")).collect()
    }

    const WITHIN: u64 = 300_000;

    fn verdict(
        scheme: &Scheme,
        pairs: &[(&str, &str)],
        body: &[u8],
        secret: &str,
        now: i64,
    ) -> Result<Verified, String> {
        let verified = scheme.verify(&headers(pairs), body, &Secret::new(secret), at(now), WITHIN);
        verified.map_err(|it| it.0)
    }

    /// The vector of the reference library.
    #[test]
    fn standard_webhooks() {
        let scheme = Scheme::of(Preset::StandardWebhooks);
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,AAAA v1a,xx v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let sent = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signature),
        ];
        let good = verdict(&scheme, &sent, body, secret, 1_614_265_330).expect("it fits");
        assert_eq!(good.delivery_id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert!(good.id_is_signed);
        assert!(verdict(&scheme, &sent, br#"{"test": 2432232315}"#, secret, 1_614_265_330).is_err());
        assert!(verdict(&scheme, &sent, body, "whsec_AAAA", 1_614_265_330).is_err());
        let old = verdict(&scheme, &sent, body, secret, 1_614_265_631).expect_err("it is old");
        assert_eq!(old, "this was signed 301 s ago, and is taken within 300 s only");
        let early = verdict(&scheme, &sent, body, secret, 1_614_265_029).expect_err("it is early");
        assert!(early.contains("ahead of our clock"), "{early}");
        for missing in 0..3 {
            let mut less = sent.to_vec();
            less.remove(missing);
            assert!(verdict(&scheme, &less, body, secret, 1_614_265_330).is_err());
        }
        // The id and the time are signed too.
        for (place, other) in [(0, "msg_other"), (1, "1614265331")] {
            let mut changed = sent;
            changed[place].1 = other;
            assert!(verdict(&scheme, &changed, body, secret, 1_614_265_330).is_err());
        }
    }

    /// The example of GitHub's documentation.
    #[test]
    fn github() {
        let scheme = Scheme::of(Preset::Github);
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let sent = [("x-hub-signature-256", signature), ("x-github-delivery", "72d3162e")];
        let (body, secret) = (b"Hello, World!", "It's a Secret to Everybody");
        let good = verdict(&scheme, &sent, body, secret, 0).expect("it fits");
        assert_eq!(good, Verified { delivery_id: Some("72d3162e".to_owned()), id_is_signed: false });
        assert!(verdict(&scheme, &sent, b"Hello, World?", secret, 0).is_err());
        assert!(verdict(&scheme, &sent, body, "another", 0).is_err());
        for wrong in ["", "sha1=00", "sha256=", "sha256=zz", &signature[..70]] {
            assert!(verdict(&scheme, &[("x-hub-signature-256", wrong)], body, secret, 0).is_err(), "{wrong}");
        }
    }

    /// Computed as Stripe's documentation says: the secret is text, not base64.
    #[test]
    fn stripe() {
        let scheme = Scheme::of(Preset::Stripe);
        let (secret, body) = ("whsec_test_secret", br#"{"id":"evt_1","object":"event"}"#.as_slice());
        let right = hexed(&hmac_sha256(secret.as_bytes(), &[b"1492774577.", body]));
        let sign = |text: String| [("stripe-signature", text)];
        let tried = |text: String, now| {
            let [(name, value)] = sign(text);
            verdict(&scheme, &[(name, &value)], body, secret, now).is_ok()
        };
        assert!(tried(format!("t=1492774577,v1={right}"), 1_492_774_577));
        assert!(tried(format!("t=1492774577,v1={},v1={right},v0=abc", "0".repeat(64)), 1_492_774_577));
        assert!(!tried(format!("t=1492774577,v0={right}"), 1_492_774_577), "only v1 counts");
        assert!(!tried(format!("t=1492774578,v1={right}"), 1_492_774_577), "the time is signed");
        assert!(!tried(format!("v1={right}"), 1_492_774_577));
        assert!(!tried(format!("t=1492774577,v1={right}"), 1_492_774_577 + 301));
    }

    /// The example of Slack's documentation.
    #[test]
    fn slack() {
        let scheme = Scheme::of(Preset::Slack);
        let secret = "8f742231b10e8888abcd99yyyzzz85a5";
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let sent = [("x-slack-request-timestamp", "1531420618"), ("x-slack-signature", signature)];
        assert!(verdict(&scheme, &sent, body, secret, 1_531_420_618).is_ok());
        assert!(verdict(&scheme, &sent, b"token=", secret, 1_531_420_618).is_err());
        let old = verdict(&scheme, &sent, body, secret, 1_531_421_000).expect_err("it is old");
        assert!(old.contains("382 s ago"), "{old}");
        let other = [("x-slack-request-timestamp", "1531420619"), ("x-slack-signature", signature)];
        assert!(verdict(&scheme, &other, body, secret, 1_531_420_618).is_err());
    }

    /// RFC 4231, case 2.
    #[test]
    fn any_header_with_any_prefix() {
        let (secret, body) = ("Jefe", b"what do ya want for nothing?");
        let hexed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let based = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        let scheme = |encoding, prefix: &str| Scheme {
            preset: Preset::Hmac,
            header: "x-signature".to_owned(),
            encoding,
            prefix: prefix.to_owned(),
        };
        let tried = |scheme: &Scheme, value: &str| {
            verdict(scheme, &[("x-signature", value)], body, secret, 0).is_ok()
        };
        assert!(tried(&scheme(Encoding::Hex, ""), hexed));
        assert!(tried(&scheme(Encoding::Hex, ""), &hexed.to_uppercase()));
        assert!(tried(&scheme(Encoding::Hex, "sig="), &format!("sig={hexed}")));
        assert!(tried(&scheme(Encoding::Base64, ""), based));
        assert!(!tried(&scheme(Encoding::Hex, "sig="), hexed));
        assert!(!tried(&scheme(Encoding::Base64, ""), hexed));
        assert!(!tried(&scheme(Encoding::Hex, ""), "é"));
        assert!(!tried(&scheme(Encoding::Hex, ""), ""));
    }
}
