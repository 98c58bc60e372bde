//! The key under which secrets are kept: XChaCha20-Poly1305 with the row's identity as associated data.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::StoreError;

const FORMAT: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 24;

/// The secret key. It has an id that every sealed value names, so that it can be changed.
#[derive(Clone)]
pub struct SecretKey {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
}

impl SecretKey {
    /// A key of 32 bytes.
    pub fn new(bytes: &Zeroizing<[u8; 32]>) -> Self {
        let digest = Sha256::digest(bytes.as_slice());
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&digest[..KEY_ID]);
        Self {
            id,
            cipher: XChaCha20Poly1305::new(bytes.as_slice().try_into().unwrap_or(&[0; 32].into())),
        }
    }

    /// Seals `secret`; it opens only with the same key and the same `identity`.
    pub(crate) fn seal(&self, identity: &str, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: secret, aad: identity.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| StoreError::Sealed(identity.to_owned()))?;
        Ok([&[FORMAT], &self.id[..], &nonce[..], &sealed].concat())
    }

    /// What every value that this key has sealed begins with.
    pub(crate) fn mark(&self) -> Vec<u8> {
        [&[FORMAT], &self.id[..]].concat()
    }

    /// The key's name: it tells keys apart and says nothing of the key.
    pub fn name(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Opens what [`SecretKey::seal`] made.
    pub(crate) fn open(
        &self,
        identity: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let fault = || StoreError::Sealed(identity.to_owned());
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or_else(fault)?;
        let (id, rest) = rest.split_at_checked(KEY_ID).ok_or_else(fault)?;
        if id != self.id {
            return Err(StoreError::OtherKey);
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or_else(fault)?;
        let payload = Payload { msg: text, aad: identity.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| fault())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn a_secret_opens_only_with_its_key_and_in_its_place() {
        let sealed = key(1).seal("instance/7", b"s3cret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"s3cret"));
        assert_eq!(key(1).open("instance/7", &sealed).unwrap().as_slice(), b"s3cret");
        assert!(matches!(key(1).open("instance/8", &sealed), Err(StoreError::Sealed(_))));
        assert!(matches!(key(2).open("instance/7", &sealed), Err(StoreError::OtherKey)));
    }

    #[test]
    fn what_was_never_sealed_or_was_changed_does_not_open() {
        let mut sealed = key(1).seal("a", b"s3cret").unwrap();
        for text in [&b""[..], b"\x01", b"plain text", &sealed[..20]] {
            assert!(key(1).open("a", text).is_err());
        }
        *sealed.last_mut().unwrap() ^= 1;
        assert!(key(1).open("a", &sealed).is_err());
    }

    #[test]
    fn the_same_secret_is_never_sealed_alike() {
        assert_ne!(key(1).seal("a", b"x").unwrap(), key(1).seal("a", b"x").unwrap());
    }
}
