//! Whether the certificates of an instance can do what they are for.

use std::time::Duration;

use oc_config::{CallbackTls, Diagnostic, Timestamp};
use oc_egress::{TlsFault, Validity, check_tls, validity};

const CERTIFICATE: &str = "configuration.event.notification.client.certificate";
const KEY: &str = "configuration.event.notification.client.key";
const AUTHORITY: &str = "configuration.event.notification.ca.certificate";
/// An owner who hears of the end so long before has time for a new one.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// What there is to say about the TLS of an instance: at most one thing. A certificate that is not
/// good at the time is a fault when it `is_new`, and else a warning: it does not keep an instance
/// from being renamed.
pub(crate) fn remark(tls: &CallbackTls, is_new: bool, now: Timestamp) -> Option<Diagnostic> {
    if let Err(fault) = check_tls(tls) {
        let key = match fault {
            TlsFault::Certificate(_) => CERTIFICATE,
            TlsFault::Key(_) | TlsFault::Mismatch => KEY,
            TlsFault::Authority(_) => AUTHORITY,
        };
        return Some(Diagnostic::error(key, fault.to_string()));
    }
    let message = match (validity(tls, now), validity(tls, now.plus(SOON))) {
        (Validity::Until(end), _) => format!("the certificate has expired at {end}"),
        (Validity::From(begin), _) => format!("the certificate is not good before {begin}"),
        (Validity::Good, Validity::Until(end)) => {
            let message = format!("the certificate expires at {end}; set a new one before");
            return Some(Diagnostic::warning(CERTIFICATE, message));
        }
        (Validity::Good, _) => return None,
    };
    Some(match is_new {
        true => Diagnostic::error(CERTIFICATE, message),
        false => Diagnostic::warning(CERTIFICATE, message),
    })
}

#[cfg(test)]
mod tests {
    use oc_config::{Catalogue, Configuration, InstanceSettings};
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use serde_json::json;

    use super::*;

    fn told(certificate: &str, key: &str, is_new: bool, now: Timestamp) -> Option<String> {
        let catalogue = Catalogue::built_in().unwrap();
        let connector = catalogue.find("salesloft").unwrap();
        let values = json!({"event.notification.client.certificate": certificate,
            "event.notification.client.key": key});
        let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
        let (settings, _) =
            InstanceSettings::read(&configuration, connector, Duration::ZERO).unwrap();
        let remark = remark(&settings.tls.unwrap(), is_new, now)?;
        Some(format!("{} {remark}", if remark.is_error() { "error" } else { "warning" }))
    }

    #[test]
    fn a_certificate_is_refused_warned_of_or_good_by_its_dates() {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::default());
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let certificate = params.self_signed(&key).unwrap().pem();
        let at = |year, month, is_new| {
            let now = Timestamp::from(date_time_ymd(year, month, 5));
            told(&certificate, &key.serialize_pem(), is_new, now)
        };
        assert_eq!(at(2026, 6, true), None);
        let expired = format!("{CERTIFICATE}: the certificate has expired at 2027-01-01T00:00:00Z");
        assert_eq!(at(2027, 1, true), Some(format!("error {expired}")));
        assert_eq!(at(2027, 1, false), Some(format!("warning {expired}")));
        assert!(at(2025, 12, true).unwrap().starts_with("error"));
        assert!(at(2026, 12, true).unwrap().starts_with("warning"));
    }

    #[test]
    fn the_key_of_another_certificate_is_a_fault_of_the_key() {
        let [key, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
        let certificate = CertificateParams::default().self_signed(&key).unwrap().pem();
        let now = Timestamp::from(date_time_ymd(2026, 6, 1));
        let told = told(&certificate, &other.serialize_pem(), false, now).unwrap();
        assert_eq!(told, format!("error {KEY}: the key belongs to another certificate"));
    }
}
