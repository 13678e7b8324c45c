//! A sample as a command line, signed as the trigger wants it.

use crate::triggers::scheme::{Encoding, Preset};
use crate::triggers::types::{Kind, Signature};
use crate::triggers::view::TriggerView;
use crate::web::view::{shell_word, signed_by_standard};

/// `url`: the whole address where it is known, else a hint of it.
pub(super) fn sample(it: &TriggerView, public_url: &str, url: &str, body: &str) -> String {
    match (it.kind, &it.signature) {
        (Kind::Hook, Some(signature)) => hook(signature, url, body),
        _ => event(it.event.as_deref().unwrap_or_default(), public_url, body),
    }
}

fn event(name: &str, public_url: &str, body: &str) -> String {
    let name = name.replace(".*", ".sample");
    let sent = format!("{{\"name\":\"{name}\",\"id\":\"sample-1\",\"data\":{body}}}");
    [
        &format!("curl -X POST {} \\", shell_word(&format!("{public_url}/api/events"))),
        "  -H \"Authorization: Bearer $REEVE_API_KEY\" -H 'Content-Type: application/json' \\",
        &format!("  --data-raw {}", shell_word(&sent)),
    ]
    .join("\n")
}

fn hook(signature: &Signature, url: &str, body: &str) -> String {
    let plain = hmac("$BODY");
    match signature.scheme {
        Preset::StandardWebhooks => signed_by_standard(url, body),
        Preset::Github => sent(
            url,
            body,
            &[&plain],
            &[
                "X-GitHub-Event: issues",
                "X-GitHub-Delivery: sample-$(date +%s)",
                "X-Hub-Signature-256: sha256=$SIGNATURE",
            ],
        ),
        Preset::Stripe => sent(
            url,
            body,
            &["TIMESTAMP=$(date +%s)", &hmac("$TIMESTAMP.$BODY")],
            &["Stripe-Signature: t=$TIMESTAMP,v1=$SIGNATURE"],
        ),
        Preset::Slack => sent(
            url,
            body,
            &["TIMESTAMP=$(date +%s)", &hmac("v0:$TIMESTAMP:$BODY")],
            &["X-Slack-Request-Timestamp: $TIMESTAMP", "X-Slack-Signature: v0=$SIGNATURE"],
        ),
        Preset::Hmac => {
            let based =
                "SIGNATURE=$(printf %s \"$BODY\" | openssl dgst -sha256 -hmac \"$SECRET\" -binary | base64)";
            let is_hex = signature.encoding.unwrap_or_default() == Encoding::Hex;
            let header = signature.header.as_deref().unwrap_or_default();
            let prefix = signature.prefix.as_deref().unwrap_or_default();
            let line = format!("{header}: {prefix}$SIGNATURE");
            sent(url, body, &[if is_hex { &plain } else { based }], &[&line])
        }
        Preset::None => sent(url, body, &[], &[]),
    }
}

/// Hexadecimal under `$SECRET` as text.
fn hmac(message: &str) -> String {
    format!("SIGNATURE=$(printf %s \"{message}\" | openssl dgst -sha256 -hmac \"$SECRET\" | sed 's/^.* //')")
}

fn sent(url: &str, body: &str, steps: &[&str], headers: &[&str]) -> String {
    let mut lines = Vec::new();
    if !steps.is_empty() {
        lines.push("SECRET='…'  # what the sender signs with".to_owned());
    }
    lines.push(format!("BODY={}", shell_word(body)));
    lines.extend(steps.iter().map(|it| (*it).to_owned()));
    lines.push(format!("curl -X POST {} \\", shell_word(url)));
    lines.push("  -H 'Content-Type: application/json' \\".to_owned());
    lines.extend(headers.iter().map(|it| format!("  -H \"{it}\" \\")));
    lines.push("  --data-raw \"$BODY\"".to_owned());
    lines.join("\n")
}
