//! The signatures of a notification: Open Connectors' own and the Standard Webhooks one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// `Elements-Webhook-Signature`: `sha256=` and the HMAC-SHA256 of the exact body, base64, under the
/// newest key. Old receivers compare the whole value, so there is never more than one in it.
pub fn elements(keys: &[SecretString], body: &[u8]) -> Option<String> {
    let key = keys.first()?.expose_secret();
    Some(format!("sha256={}", hmac(key.as_bytes(), &[body])))
}

/// `webhook-signature` after the Standard Webhooks specification: one `v1,` entry for each key, over
/// `id.timestamp.body`. A key is its UTF-8 bytes, or base64 after `whsec_`.
pub fn standard(keys: &[SecretString], id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let seconds = seconds.to_string();
    let signed = [id.as_bytes(), b".", seconds.as_bytes(), b".", body];
    let entries: Vec<String> = keys
        .iter()
        .map(|key| {
            let key = key.expose_secret();
            let decoded = key.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
            format!("v1,{}", hmac(decoded.as_deref().unwrap_or(key.as_bytes()), &signed))
        })
        .collect();
    (!entries.is_empty()).then(|| entries.join(" "))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<SecretString> {
        keys.iter().map(|key| SecretString::from(*key)).collect()
    }

    /// `printf '{"a":1}' | openssl dgst -sha256 -hmac key -binary | base64`
    #[test]
    fn the_elements_signature_covers_the_exact_body() {
        assert_eq!(elements(&keys(&["key"]), br#"{"a":1}"#).unwrap(), EXPECTED_ELEMENTS);
        assert_eq!(elements(&keys(&["key", "old"]), br#"{"a":1}"#).unwrap(), EXPECTED_ELEMENTS);
        assert_eq!(elements(&[], b"{}"), None);
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_standard_signature_is_that_of_the_specification() {
        let keys = keys(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        let body = br#"{"test": 2432232314}"#;
        let signature =
            standard(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_keys_sign_twice_during_a_rotation() {
        let both = standard(&keys(&["new", "old"]), "id", 5, b"x").unwrap();
        let single = |key: &str| standard(&keys(&[key]), "id", 5, b"x").unwrap();
        assert_eq!(both, format!("{} {}", single("new"), single("old")));
    }

    const EXPECTED_ELEMENTS: &str = "sha256=iKZ/JLvNrtDmyZdAS7eadDuvRMa6svTCcyjjAJ0i40I=";
}
