//! What an instance says about its receiver: the form of notifications, and what proves them to it.

use secrecy::{ExposeSecret, SecretString};

use super::{Reader, headers};
use crate::{Configuration, Diagnostic, MASK, SignatureKey};

const HEADERS: &str = "event.notification.callback.headers";
const USER: &str = "event.notification.basic.username";
const PASSWORD: &str = "event.notification.basic.password";

/// The form of a notification's body (`event.notification.format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotificationFormat {
    /// `elements`: as Open Connectors sends it.
    #[default]
    Elements,
    /// `cloudevents`: CloudEvents 1.0, structured JSON.
    CloudEvents,
}

impl Reader<'_> {
    /// The sink, which stands for a callback.
    pub(super) fn sink(&mut self, has_callback: bool) -> Option<String> {
        let key = "event.notification.sink";
        let sink = self.configuration.get(key).map(str::trim).filter(|name| !name.is_empty())?;
        if has_callback {
            let message = "notifications go to one place: a sink, or event.notification.callback.url; \
                           set the other one to null";
            self.fault(key, message);
        }
        Some(sink.to_owned())
    }

    /// The form, and the way, of which there is one.
    pub(super) fn format(&mut self) -> NotificationFormat {
        let way = self.configuration.get("event.notification.type").unwrap_or("webhook");
        if !way.eq_ignore_ascii_case("webhook") {
            let message = format!("`{way}` was found; webhook was expected");
            self.fault("event.notification.type", &message);
        }
        let key = "event.notification.format";
        match self.configuration.get(key).map(str::to_ascii_lowercase).as_deref() {
            None | Some("elements") => NotificationFormat::Elements,
            Some("cloudevents") => NotificationFormat::CloudEvents,
            Some(other) => {
                let message = format!("`{other}` was found; elements or cloudevents was expected");
                self.fault(key, &message);
                NotificationFormat::default()
            }
        }
    }

    pub(super) fn signature_keys(&mut self) -> Vec<SignatureKey> {
        let key = "event.notification.signature.key";
        let Some(text) = known(self.configuration, key) else { return Vec::new() };
        let read: Result<Vec<_>, _> =
            text.expose_secret().split_whitespace().map(SignatureKey::parse).collect();
        let keys = read.unwrap_or_else(|message| {
            self.fault(key, message);
            Vec::new()
        });
        if keys.len() > 2 {
            self.fault(key, "one key, or two during a rotation, was expected");
        }
        keys
    }

    /// HTTP Basic (RFC 7617): a user name, and a password that may be empty.
    pub(super) fn basic(&mut self) -> Option<(String, SecretString)> {
        let password = known(self.configuration, PASSWORD);
        let Some(user) = self.configuration.get(USER) else {
            if password.is_some() {
                self.fault(USER, "a user name was expected beside the password");
            }
            return None;
        };
        if user.contains(':') {
            self.fault(USER, "a user name of HTTP Basic holds no colon (RFC 7617)");
        }
        let is_shut = |text: &str| text.chars().any(char::is_control);
        if is_shut(user) {
            self.fault(USER, "control characters cannot be sent by HTTP Basic (RFC 7617)");
        }
        if password.is_some_and(|password| is_shut(password.expose_secret())) {
            self.fault(PASSWORD, "control characters cannot be sent by HTTP Basic (RFC 7617)");
        }
        let password = password.cloned().unwrap_or_else(|| SecretString::from(""));
        Some((user.to_owned(), password))
    }

    pub(super) fn headers(&mut self, has_basic: bool) -> Vec<(String, SecretString)> {
        let Some(text) = known(self.configuration, HEADERS) else { return Vec::new() };
        let path = format!("configuration.{HEADERS}");
        match headers::parse(text.expose_secret()) {
            Ok(headers) => {
                let is_authorization =
                    |(name, _): &(String, _)| name.eq_ignore_ascii_case("authorization");
                if has_basic && headers.iter().any(is_authorization) {
                    let message =
                        format!("the header `Authorization` is not sent; `{USER}` sets it");
                    self.remarks.push(Diagnostic::warning(path, message));
                }
                headers
            }
            Err(faults) => {
                let fault = |message| Diagnostic::error(&path, message);
                self.remarks.extend(faults.into_iter().map(fault));
                Vec::new()
            }
        }
    }
}

/// A secret whose value is known: what an answer has shown masked can be read again to check it.
pub(super) fn known<'a>(configuration: &'a Configuration, key: &str) -> Option<&'a SecretString> {
    configuration.secret(key).filter(|secret| secret.expose_secret() != MASK)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{Catalogue, InstanceSettings};

    fn read(values: &Json) -> Result<(InstanceSettings, Vec<Diagnostic>), Vec<Diagnostic>> {
        let catalogue = Catalogue::built_in().unwrap();
        let connector = catalogue.find("salesloft").unwrap();
        let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
        InstanceSettings::read(&configuration, connector, Duration::ZERO)
    }

    fn keys(text: &str) -> Vec<String> {
        let (settings, _) = read(&json!({"event.notification.signature.key": text})).unwrap();
        settings.signature_keys.iter().map(|key| key.text().to_owned()).collect()
    }

    #[test]
    fn a_notification_has_one_of_two_forms() {
        let format = |value: Json| {
            let read = read(&json!({"event.notification.format": value}));
            read.map(|(settings, _)| settings.format).map_err(|faults| faults[0].to_string())
        };
        assert_eq!(format(json!(null)), Ok(NotificationFormat::Elements));
        assert_eq!(format(json!("elements")), Ok(NotificationFormat::Elements));
        assert_eq!(format(json!("CloudEvents")), Ok(NotificationFormat::CloudEvents));
        let fault = "configuration.event.notification.format: \
                     `avro` was found; elements or cloudevents was expected";
        assert_eq!(format(json!("avro")), Err(fault.to_owned()));
    }

    #[test]
    fn one_key_signs_or_two_however_they_are_separated() {
        assert_eq!(keys("one"), ["one"]);
        for text in ["new old", "new\nold", " new\r\n\told \n"] {
            assert_eq!(keys(text), ["new", "old"], "{text:?}");
        }
        assert!(keys("").is_empty() && keys("  \n").is_empty());
    }

    #[test]
    fn three_keys_and_what_is_no_base64_are_refused() {
        for text in ["a b c", "whsec_!", "good whsec_!"] {
            let faults = read(&json!({"event.notification.signature.key": text})).unwrap_err();
            assert_eq!(faults.len(), 1);
            assert_eq!(faults[0].path, "configuration.event.notification.signature.key");
        }
    }

    #[test]
    fn basic_needs_a_user_name_and_can_do_without_a_password() {
        let (settings, _) = read(&json!({USER: "me"})).unwrap();
        let (user, password) = settings.basic.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("me", ""));
        for (values, key) in [
            (json!({PASSWORD: "alone"}), USER),
            (json!({USER: "a:b", PASSWORD: "x"}), USER),
            (json!({USER: "a\nb"}), USER),
            (json!({USER: "a", PASSWORD: "x\u{0}"}), PASSWORD),
        ] {
            let faults = read(&values).unwrap_err();
            assert_eq!(faults[0].path, format!("configuration.{key}"), "{values}");
        }
    }

    #[test]
    fn an_authorization_of_both_kinds_is_warned_of() {
        let (settings, warnings) =
            read(&json!({HEADERS: "authorization: Bearer x", USER: "me"})).unwrap();
        assert!(settings.basic.is_some());
        assert!(warnings[0].to_string().contains("`Authorization` is not sent"), "{warnings:?}");
        assert!(read(&json!({HEADERS: "authorization: Bearer x"})).unwrap().1.is_empty());
    }

    #[test]
    fn what_an_answer_has_shown_can_be_read_again() {
        let keys = [HEADERS, PASSWORD, "event.notification.signature.key"];
        let masked: serde_json::Map<String, Json> =
            keys.iter().map(|key| ((*key).to_owned(), json!(MASK))).collect();
        let (settings, _) = read(&masked.into()).unwrap();
        assert!(settings.headers.is_empty() && settings.signature_keys.is_empty());
    }

    #[test]
    fn a_refused_header_is_named_with_its_key() {
        let faults = read(&json!({HEADERS: "Host: x\nX-A: 1\nTE: y"})).unwrap_err();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 2);
        assert!(faults[0].starts_with("configuration.event.notification.callback.headers: "));
        assert!(faults[0].contains("`Host`") && faults[1].contains("`TE`"), "{faults:?}");
    }
}
