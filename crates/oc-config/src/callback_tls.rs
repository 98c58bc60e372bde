//! TLS towards the callback: the certificate that proves who calls, and who may have signed the
//! receiver's.

use std::fmt;
use std::hash::{Hash, Hasher};

use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::zeroize::{Zeroize as _, Zeroizing};

/// The most certificates of a chain, or of authorities.
const MOST: usize = 16;

/// What an instance's callback needs of TLS besides the usual.
#[derive(PartialEq, Eq)]
pub struct CallbackTls {
    /// What is shown to a receiver that asks who calls.
    pub identity: Option<ClientIdentity>,
    /// Who may have signed the receiver's certificate, instead of the public authorities; empty
    /// where they may.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// A certificate and its private key.
#[derive(PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, and those that lead from it to its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// Without the key: what is equal has the same certificates.
impl Hash for CallbackTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.as_ref().map(|identity| &identity.chain).hash(state);
        self.authorities.hash(state);
    }
}

impl Drop for ClientIdentity {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl fmt::Debug for CallbackTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shows, trusts) = (self.identity.is_some(), self.authorities.len());
        write!(f, "CallbackTls(certificate: {shows}, authorities: {trusts})")
    }
}

/// The certificates of a PEM text, in their order.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let pem = in_lines(pem);
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(found) if found.len() > MOST => Err("at most 16 certificates were expected"),
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("a PEM certificate was expected, from -----BEGIN CERTIFICATE----- on"),
        Err(_) => Err("a PEM block is broken: it ends too early, or holds what is no base64"),
    }
}

/// The private key of a PEM text.
pub(crate) fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, &'static str> {
    // `Proc-Type: 4,ENCRYPTED` inside a block, or `BEGIN ENCRYPTED PRIVATE KEY`.
    if pem.contains("ENCRYPTED") {
        return Err("the key is encrypted; `openssl pkey` takes the passphrase away");
    }
    PrivateKeyDer::from_pem_slice(in_lines(pem).as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "a PEM private key was expected, from -----BEGIN PRIVATE KEY----- on"
        }
        _ => "the PEM block is broken: it ends too early, or holds what is no base64",
    })
}

/// A field of one line takes the ends of lines away, which PEM needs around its labels.
fn in_lines(pem: &str) -> Zeroizing<String> {
    // Room for all of it, so that no piece of a key is left behind.
    let mut lines = Zeroizing::new(String::with_capacity(2 * pem.len() + 64));
    for piece in pem.split("-----") {
        if piece.starts_with("BEGIN ") || piece.starts_with("END ") {
            lines.extend(["\n-----", piece, "-----\n"]);
        } else {
            lines.push_str(piece);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    #[test]
    fn ends_of_lines_may_be_missing() {
        let [one, two] = ["AQ==", "Ag=="].map(|body| block("CERTIFICATE", body).replace('\n', ""));
        let found = certificates(&(one + &two)).unwrap();
        assert_eq!(found, [vec![1], vec![2]].map(CertificateDer::from));
        let key = private_key(&block("PRIVATE KEY", "Ag==").replace('\n', "")).unwrap();
        assert_eq!(key.secret_der(), [2]);
    }

    #[test]
    fn certificates_come_in_their_order_whatever_stands_between_them() {
        let pem = format!(
            "leaf\r\n{}\n# issuer\n{}",
            block("CERTIFICATE", "AQ=="),
            block("CERTIFICATE", "Ag==")
        );
        let found = certificates(&pem).unwrap();
        assert_eq!(found.iter().map(|der| der.to_vec()).collect::<Vec<_>>(), [vec![1], vec![2]]);
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let unended = "-----BEGIN CERTIFICATE-----\nAQ==\n";
        for (pem, told) in [
            ("", "was expected"),
            ("MIIB", "was expected"),
            (&block("PRIVATE KEY", "AQ=="), "was expected"),
            (unended, "broken"),
            (&block("CERTIFICATE", "*"), "broken"),
            (&block("CERTIFICATE", "AQ==").repeat(17), "at most 16"),
        ] {
            assert!(certificates(pem).unwrap_err().contains(told), "{pem}");
        }
    }

    #[test]
    fn a_key_has_one_of_three_forms_and_no_passphrase() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            assert!(private_key(&block(label, "AQ==")).is_ok(), "{label}");
        }
        let old = block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAQ==");
        for (pem, told) in [
            (block("ENCRYPTED PRIVATE KEY", "AQ=="), "encrypted"),
            (old, "encrypted"),
            (block("CERTIFICATE", "AQ=="), "was expected"),
            (block("PRIVATE KEY", "*"), "broken"),
        ] {
            assert!(private_key(&pem).unwrap_err().contains(told), "{pem}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = private_key(&block("PRIVATE KEY", "AQIDBA==")).unwrap();
        let identity = Some(ClientIdentity { chain: Vec::new(), key });
        let shown = format!("{:?}", CallbackTls { identity, authorities: Vec::new() });
        assert_eq!(shown, "CallbackTls(certificate: true, authorities: 0)");
    }
}
