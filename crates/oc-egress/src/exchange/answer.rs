//! What comes back: its head within bounds, its body as far as it is wanted, and what went wrong.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use http::header::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use rustls::AlertDescription;

use super::{Limits, Overflow};
use crate::EgressError;

const LARGEST_HEAD: usize = 32 * 1024;

/// A head that came whole and is longer than allowed.
pub(super) fn check_head(head: &HeaderMap) -> Result<(), EgressError> {
    let size: usize = head.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > LARGEST_HEAD { Err(EgressError::LargeHead) } else { Ok(()) }
}

/// The body, as far as the limits allow, and whether there was more.
pub(super) async fn read(mut body: Incoming, limits: Limits) -> Result<(Bytes, bool), EgressError> {
    let mut whole: Option<Bytes> = None;
    let mut joined = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault_in_body(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        let first_and_only = whole.is_none() && joined.is_empty();
        if first_and_only {
            joined.reserve_exact(expected(&body, limits));
            whole = Some(data);
        } else {
            if let Some(first) = whole.take() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
        if length > limits.body {
            if limits.overflow == Overflow::Fail {
                return Err(EgressError::TooLarge(limits.body));
            }
            let mut kept = whole.unwrap_or_else(|| joined.into());
            kept.truncate(limits.body);
            return Ok((kept, true));
        }
    }
    Ok((whole.unwrap_or_else(|| joined.into()), false))
}

/// How much room the rest of the body needs, when its length was announced.
fn expected(body: &Incoming, limits: Limits) -> usize {
    let rest = usize::try_from(body.size_hint().exact().unwrap_or(0)).unwrap_or(usize::MAX);
    if rest == 0 { 0 } else { rest.saturating_add(16 * 1024).min(limits.body) }
}

/// What ended an exchange before there was a head.
pub(super) fn fault_of(error: &hyper_util::client::legacy::Error) -> EgressError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(ours) = inner.downcast_ref::<EgressError>() {
            return ours.clone();
        }
        if let Some(hyper) = inner.downcast_ref::<hyper::Error>()
            && hyper.is_parse()
        {
            let large = hyper.is_parse_too_large();
            return if large { EgressError::LargeHead } else { EgressError::Malformed };
        }
        if let Some(refused) = refused_certificate(inner) {
            return refused;
        }
        cause = inner.source();
    }
    EgressError::Closed
}

/// Since TLS 1.3 a server refuses the caller's certificate after the handshake, before it has read
/// anything.
fn refused_certificate(error: &(dyn std::error::Error + 'static)) -> Option<EgressError> {
    let error = error.downcast_ref::<io::Error>()?.get_ref()?;
    let error = error.downcast_ref::<rustls::Error>()?;
    let rustls::Error::AlertReceived(alert) = error else { return None };
    let is_about_certificate = matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    );
    is_about_certificate.then(|| EgressError::Tls(error.to_string()))
}

/// Chunks that are no chunks, or an end before the end.
fn fault_in_body(error: &hyper::Error) -> EgressError {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => EgressError::Malformed,
        _ => EgressError::Closed,
    }
}
