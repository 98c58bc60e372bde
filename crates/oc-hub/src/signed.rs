//! Whether a webhook is the provider's: its signature, as the connector describes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use oc_config::{WebhookEncoding, WebhookHash, WebhookSignature};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;

/// Whether `header` signs exactly this body with the secret. How long the comparison takes says
/// nothing about where they differ.
pub fn is_signed(
    form: &WebhookSignature,
    secret: &SecretString,
    header: &str,
    body: &[u8],
) -> bool {
    let written = header.trim().strip_prefix(form.prefix.as_str());
    let Some(tag) = written.and_then(|written| decoded(form.encoding, written)) else {
        return false;
    };
    let key = secret.expose_secret().as_bytes();
    match form.hmac {
        WebhookHash::Sha1 => is_tag_of::<Hmac<Sha1>>(key, body, &tag),
        WebhookHash::Sha256 => is_tag_of::<Hmac<Sha256>>(key, body, &tag),
    }
}

fn is_tag_of<M: Mac + KeyInit>(key: &[u8], body: &[u8], tag: &[u8]) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return false };
    mac.update(body);
    mac.verify_slice(tag).is_ok()
}

fn decoded(encoding: WebhookEncoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        WebhookEncoding::Base64 => STANDARD.decode(text).ok(),
        WebhookEncoding::Hex => {
            let digit =
                |byte: &u8| char::from(*byte).to_digit(16).and_then(|of| u8::try_from(of).ok());
            let (pairs, rest) = text.as_bytes().as_chunks::<2>();
            let byte = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
            rest.is_empty().then(|| pairs.iter().map(byte).collect())?
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(hmac: WebhookHash, encoding: WebhookEncoding, prefix: &str) -> WebhookSignature {
        let (header, prefix) = ("x-signature".to_owned(), prefix.to_owned());
        WebhookSignature { header, prefix, hmac, encoding }
    }

    fn check(form: &WebhookSignature, header: &str, body: &str) -> bool {
        is_signed(form, &SecretString::from("key"), header, body.as_bytes())
    }

    /// `printf 'The quick...' | openssl dgst -sha1 -hmac key`
    const SHA1: &str = "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9";
    const FOX: &str = "The quick brown fox jumps over the lazy dog";

    #[test]
    fn a_signature_counts_for_exactly_this_body_and_key() {
        let hex = form(WebhookHash::Sha1, WebhookEncoding::Hex, "");
        assert!(check(&hex, SHA1, FOX));
        assert!(check(&hex, &format!(" {} ", SHA1.to_uppercase()), FOX));
        assert!(!check(&hex, SHA1, "The quick brown fox"));
        assert!(!is_signed(&hex, &SecretString::from("other"), SHA1, FOX.as_bytes()));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let hex = form(WebhookHash::Sha1, WebhookEncoding::Hex, "");
        for header in ["", "zz", "d", &SHA1[..38], &format!("{SHA1}00"), "dé"] {
            assert!(!check(&hex, header, FOX), "{header}");
        }
    }

    #[test]
    fn other_hashes_encodings_and_prefixes_are_read() {
        let github = form(WebhookHash::Sha256, WebhookEncoding::Hex, "sha256=");
        let sum = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(check(&github, &format!("sha256={sum}"), FOX));
        assert!(!check(&github, sum, FOX));
        let base64 = form(WebhookHash::Sha256, WebhookEncoding::Base64, "");
        assert!(check(&base64, "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=", FOX));
    }
}
