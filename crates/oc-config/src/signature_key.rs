//! A key that signs notifications, in both ways in which receivers hold it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// What a key of the Standard Webhooks specification begins with.
const PREFIX: &str = "whsec_";
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key as it was given, and what it means after the Standard Webhooks specification.
#[derive(Clone, Debug)]
pub struct SignatureKey {
    text: SecretString,
    bytes: SecretSlice<u8>,
}

impl SignatureKey {
    /// Reads a key: base64 after `whsec_`, else any text.
    ///
    /// # Errors
    /// What follows `whsec_` is no base64, or nothing.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = match text.strip_prefix(PREFIX) {
            None => text.as_bytes().to_vec(),
            Some(rest) => {
                let decoded = BASE64.decode(rest).ok().filter(|bytes| !bytes.is_empty());
                decoded.ok_or("base64 was expected after `whsec_`")?
            }
        };
        Ok(Self { text: text.into(), bytes: bytes.into() })
    }

    /// The key as it was given: the key of `Elements-Webhook-Signature`, whose receivers compute
    /// with what they configured.
    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// The key of `webhook-signature`.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_text_or_base64_after_the_prefix() {
        for (text, bytes) in [
            ("plain-key", &b"plain-key"[..]),
            ("\u{e9}", "\u{e9}".as_bytes()),
            ("whsec_AQID/w==", &[1, 2, 3, 255]),
            ("whsec_AQID/w", &[1, 2, 3, 255]),
            ("WHSEC_AQID", b"WHSEC_AQID"),
        ] {
            let key = SignatureKey::parse(text).unwrap();
            assert_eq!((key.text(), key.bytes()), (text, bytes));
        }
    }

    #[test]
    fn what_is_announced_as_base64_must_be_base64() {
        for text in ["whsec_", "whsec_*", "whsec_AQID-_", "whsec_A", "whsec_==="] {
            assert!(SignatureKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let shown = format!("{:?}", SignatureKey::parse("s3cret").unwrap());
        assert!(!shown.contains("s3cret") && !shown.contains("115"), "{shown}");
    }
}
