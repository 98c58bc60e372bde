//! `event.notification.client.certificate`, `.client.key` and `.ca.certificate`.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use secrecy::ExposeSecret;
use url::Url;

use super::Reader;
use super::callback::known;
use crate::callback_tls::{CallbackTls, ClientIdentity, certificates, private_key};

const CERTIFICATE: &str = "event.notification.client.certificate";
const KEY: &str = "event.notification.client.key";
const AUTHORITY: &str = "event.notification.ca.certificate";

impl Reader<'_> {
    /// TLS towards the callback, where it is not the usual one.
    pub(super) fn tls(&mut self, callback: Option<&Url>) -> Option<Arc<CallbackTls>> {
        let identity = self.identity();
        let authorities = self.certificates(AUTHORITY).unwrap_or_default();
        if identity.is_none() && authorities.is_empty() {
            return None;
        }
        if callback.is_some_and(|url| url.scheme() != "https") {
            let key = if identity.is_some() { CERTIFICATE } else { AUTHORITY };
            self.fault(key, "an https callback url was expected: http knows no certificates");
        }
        Some(Arc::new(CallbackTls { identity, authorities }))
    }

    fn identity(&mut self) -> Option<ClientIdentity> {
        let chain = self.certificates(CERTIFICATE);
        let is_given = self.configuration.get(CERTIFICATE).is_some();
        match (is_given, self.configuration.secret(KEY).is_some()) {
            (true, false) => self.fault(KEY, "the certificate's private key was expected"),
            (false, true) => self.fault(CERTIFICATE, "the certificate of the key was expected"),
            _ => {}
        }
        let key = match private_key(known(self.configuration, KEY)?.expose_secret()) {
            Ok(key) => key,
            Err(message) => {
                self.fault(KEY, message);
                return None;
            }
        };
        Some(ClientIdentity { chain: chain?, key })
    }

    fn certificates(&mut self, key: &str) -> Option<Vec<CertificateDer<'static>>> {
        match certificates(self.configuration.get(key)?) {
            Ok(found) => Some(found),
            Err(message) => {
                self.fault(key, message);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{Catalogue, Configuration, InstanceSettings, MASK};

    const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n";
    const SECRET: &str = "-----BEGIN PRIVATE KEY-----\nAg==\n-----END PRIVATE KEY-----\n";
    const URL: &str = "event.notification.callback.url";

    fn read(values: &Json) -> Result<Option<Arc<CallbackTls>>, Vec<String>> {
        let catalogue = Catalogue::built_in().unwrap();
        let connector = catalogue.find("salesloft").unwrap();
        let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
        match InstanceSettings::read(&configuration, connector, Duration::ZERO) {
            Ok((settings, _)) => Ok(settings.tls),
            Err(faults) => Err(faults.into_iter().map(|fault| fault.path).collect()),
        }
    }

    #[test]
    fn a_certificate_comes_with_its_key_an_authority_alone() {
        assert_eq!(read(&json!({})), Ok(None));
        let both = read(&json!({CERTIFICATE: CHAIN, KEY: SECRET, URL: "https://x/"})).unwrap();
        assert!(both.unwrap().identity.is_some());
        let trusting = read(&json!({AUTHORITY: CHAIN.repeat(2)})).unwrap().unwrap();
        assert!(trusting.identity.is_none() && trusting.authorities.len() == 2);
    }

    #[test]
    fn half_of_it_and_what_cannot_be_read_is_a_fault_of_its_key() {
        for (values, key) in [
            (json!({CERTIFICATE: CHAIN}), KEY),
            (json!({KEY: SECRET}), CERTIFICATE),
            (json!({CERTIFICATE: "x", KEY: SECRET}), CERTIFICATE),
            (json!({CERTIFICATE: CHAIN, KEY: CHAIN}), KEY),
            (json!({AUTHORITY: SECRET}), AUTHORITY),
            (json!({CERTIFICATE: CHAIN, KEY: SECRET, URL: "http://x/"}), CERTIFICATE),
            (json!({AUTHORITY: CHAIN, URL: "http://x/"}), AUTHORITY),
        ] {
            assert_eq!(read(&values), Err(vec![format!("configuration.{key}")]), "{values}");
        }
    }

    #[test]
    fn the_key_is_a_secret_and_what_was_shown_can_be_read_again() {
        let catalogue = Catalogue::built_in().unwrap();
        let connector = catalogue.find("salesloft").unwrap();
        let values = json!({CERTIFICATE: CHAIN, KEY: SECRET});
        let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
        let shown = configuration.masked();
        assert_eq!((&shown[CERTIFICATE], &shown[KEY]), (&json!(CHAIN), &json!(MASK)));
        assert_eq!(read(&Json::Object(shown)), Ok(None));
    }
}
