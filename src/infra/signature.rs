//! Signatures between servers that share a secret: HMAC-SHA256, and the form that Standard Webhooks gives it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Secret;

/// How a secret of Standard Webhooks begins.
pub const STANDARD_PREFIX: &str = "whsec_";

/// Base64 with or without its padding: senders differ.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn mac(key: &[u8], message: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in message {
        mac.update(part);
    }
    mac
}

/// Over the parts as if they stood behind each other.
pub fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    mac(key, message).finalize().into_bytes().into()
}

/// Whether `signature` is that of the message; in constant time.
pub fn is_signed(key: &[u8], message: &[&[u8]], signature: &[u8]) -> bool {
    mac(key, message).verify_slice(signature).is_ok()
}

/// The bytes that base64 stands for.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim()).ok()
}

/// The key of a secret of Standard Webhooks: what stands behind `whsec_` in base64, else the text itself. `None` where
/// it is not base64, or empty.
pub fn standard_key(secret: &Secret) -> Option<Secret> {
    let text = secret.expose();
    let key = match text.strip_prefix(STANDARD_PREFIX.as_bytes()) {
        Some(encoded) => Secret::new(LENIENT.decode(encoded).ok()?),
        None => secret.duplicate(),
    };
    (!key.expose().is_empty()).then_some(key)
}

/// A secret as Standard Webhooks writes it.
pub fn standard_secret(key: &[u8]) -> Secret {
    let encoded = Zeroizing::new(STANDARD.encode(key));
    Secret::new([STANDARD_PREFIX.as_bytes(), encoded.as_bytes()].concat())
}

/// One entry of `webhook-signature`. `timestamp`: seconds since 1970.
pub fn standard_signature(key: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    format!("v1,{}", STANDARD.encode(hmac_sha256(key.expose(), &[head.as_bytes(), body])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the Standard Webhooks reference library.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = standard_key(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).expect("it is one");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = standard_signature(&key, id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_with_and_without_padding_and_prefix() {
        let key = |text: &str| standard_key(&Secret::new(text)).map(|it| it.expose().to_vec());
        assert_eq!(key("whsec_YWI="), Some(b"ab".to_vec()));
        assert_eq!(key("whsec_YWI"), Some(b"ab".to_vec()));
        assert_eq!(key("plain text"), Some(b"plain text".to_vec()));
        assert_eq!(key("whsec_"), None);
        assert_eq!(key("whsec_no base64"), None);
        assert_eq!(key(""), None);
        let secret = standard_secret(b"ab");
        assert_eq!(secret.expose(), b"whsec_YWI=");
    }

    /// RFC 4231, case 2.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let hex: String = mac.iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(is_signed(b"Jefe", &[b"what do ya want for nothing?"], &mac));
        assert!(!is_signed(b"Jefe", &[b"what do ya want for nothing!"], &mac));
        assert!(!is_signed(b"Jefe", &[b"what do ya want for nothing?"], &mac[..31]));
    }
}
