//! The signatures of a notification: Open Connectors' own and the Standard Webhooks one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use oc_config::SignatureKey;
use sha2::Sha256;

/// `Elements-Webhook-Signature`: `sha256=` and the HMAC-SHA256 of the exact body, base64, under the
/// newest key as it was given. Old receivers compare the whole value, so there is never more than
/// one in it.
pub fn elements(keys: &[SignatureKey], body: &[u8]) -> Option<String> {
    let key = keys.first()?.text();
    Some(format!("sha256={}", hmac(key.as_bytes(), &[body])))
}

/// `webhook-signature` after the Standard Webhooks specification: one `v1,` entry for each key, over
/// `id.timestamp.body`.
pub fn standard(keys: &[SignatureKey], id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let seconds = seconds.to_string();
    let signed = [id.as_bytes(), b".", seconds.as_bytes(), b".", body];
    let entries: Vec<String> =
        keys.iter().map(|key| format!("v1,{}", hmac(key.bytes(), &signed))).collect();
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
mod tests;
