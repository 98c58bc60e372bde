//! TLS: whom we trust, and how we prove who we are where an instance has a certificate of its own.

use std::sync::Arc;
use std::time::Duration;

use oc_config::{CallbackTls, Timestamp};
use rustls::client::WantsClientCert;
use rustls::pki_types::UnixTime;
use rustls::{ClientConfig, ConfigBuilder, InconsistentKeys, RootCertStore};
use webpki::{EndEntityCert, KeyUsage};

use crate::EgressError;

/// Why the TLS of an instance can never work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is none that TLS knows.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// The key is none that TLS knows.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// They are two that do not belong together.
    #[error("the key belongs to another certificate")]
    Mismatch,
    /// An authority's certificate is none.
    #[error("the authority's certificate cannot be used: {0}")]
    Authority(String),
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It is good.
    Good,
    /// It is good from then on.
    From(Timestamp),
    /// It was good until then.
    Until(Timestamp),
}

/// Whether the TLS of an instance can work, its time aside.
///
/// # Errors
/// What is wrong with it.
pub fn check_tls(tls: &CallbackTls) -> Result<(), TlsFault> {
    own(tls).map(drop)
}

/// Whether the instance's certificate is good at a time; one that is not there is.
pub fn validity(tls: &CallbackTls, at: Timestamp) -> Validity {
    let leaf = tls.identity.as_ref().and_then(|identity| identity.chain.first());
    let Some(Ok(leaf)) = leaf.map(EndEntityCert::try_from) else { return Validity::Good };
    let seconds = u64::try_from(at.seconds()).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    // No authority is asked, so that it always fails; dates are looked at first.
    let usage = KeyUsage::client_auth();
    let timestamp = |time: UnixTime| {
        Timestamp(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1_000_000) * 1_000_000)
    };
    match leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &[], &[], at, usage, None, None) {
        Err(webpki::Error::CertExpired { not_after, .. }) => Validity::Until(timestamp(not_after)),
        Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
            Validity::From(timestamp(not_before))
        }
        _ => Validity::Good,
    }
}

/// TLS as everyone has it: the system's certificates, or Mozilla's where it has none, and ring.
///
/// # Errors
/// It cannot be set up.
pub fn usual_tls() -> Result<ClientConfig, EgressError> {
    Ok(trusting(public())
        .map_err(|error| EgressError::Tls(error.to_string()))?
        .with_no_client_auth())
}

/// TLS as an instance has it.
pub(crate) fn own(tls: &CallbackTls) -> Result<ClientConfig, TlsFault> {
    let mut roots = RootCertStore::empty();
    for authority in &tls.authorities {
        let added = roots.add(authority.clone());
        added.map_err(|error| TlsFault::Authority(error.to_string()))?;
    }
    let roots = if roots.is_empty() { public() } else { roots };
    let builder = trusting(roots).map_err(|error| TlsFault::Authority(error.to_string()))?;
    let Some(identity) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = identity.chain.clone();
    if let Some(Err(error)) = chain.first().map(EndEntityCert::try_from) {
        return Err(TlsFault::Certificate(error.to_string()));
    }
    builder.with_client_auth_cert(chain, identity.key.clone_key()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFault::Mismatch,
        rustls::Error::InvalidCertificate(error) => TlsFault::Certificate(error.to_string()),
        other => TlsFault::Key(other.to_string()),
    })
}

fn trusting(
    roots: RootCertStore,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots))
}

fn public() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        // A container without the system's certificates still reaches providers.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
