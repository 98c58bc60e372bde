//! Secrets that callers prove themselves with, made here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// 256 random bits, in letters that `Authorization` can carry: no comma and no blank.
pub(crate) fn generate() -> SecretString {
    SecretString::from(STANDARD.encode(rand::random::<[u8; 32]>()))
}
