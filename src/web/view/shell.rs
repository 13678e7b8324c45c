//! Command lines that people copy.

/// As one word of a POSIX shell, whatever it holds.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Sends `body` to `url`, signed as Standard Webhooks says with the secret in `$SECRET`.
pub fn signed_by_standard(url: &str, body: &str) -> String {
    [
        "SECRET='whsec_…'  # the signing secret",
        &format!("BODY={}", shell_word(body)),
        "ID=\"msg_$(date +%s)\"; TIMESTAMP=$(date +%s)",
        "KEY=$(printf %s \"${SECRET#whsec_}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n')",
        "SIGNATURE=$(printf %s \"$ID.$TIMESTAMP.$BODY\" | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$KEY\" -binary | base64)",
        &format!("curl -X POST {} \\", shell_word(url)),
        "  -H 'Content-Type: application/json' \\",
        "  -H \"webhook-id: $ID\" -H \"webhook-timestamp: $TIMESTAMP\" -H \"webhook-signature: v1,$SIGNATURE\" \\",
        "  --data-raw \"$BODY\"",
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_input_ends_the_word_it_stands_in() {
        assert_eq!(shell_word("it's $(rm) `x`"), "'it'\\''s $(rm) `x`'");
        let lines = signed_by_standard("https://a.test/it's", "{\"a\":\"it's\"}");
        assert!(lines.contains("'https://a.test/it'\\''s'") && lines.contains("BODY='{\"a\":\"it'\\''s\"}'"));
    }
}
