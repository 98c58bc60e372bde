//! An instance's configuration: dotted keys with text values, secrets apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

use crate::{Connector, Diagnostic};

/// What stands in an answer for a secret, and keeps the stored one when it is sent back.
pub const MASK: &str = "********";

/// Keys that are secrets with every connector (instances.md, "Answer").
const SECRETS: [&str; 9] = [
    "oauth.api.key",
    "oauth.api.secret",
    "oauth.user.token",
    "oauth.user.refresh_token",
    "password",
    "event.notification.signature.key",
    "event.notification.basic.password",
    "event.notification.callback.headers",
    "event.notification.client.key",
];

/// The longest value that is not a poller configuration, in bytes.
const LONGEST: usize = 64 * 1024;

/// Configuration values by key. Neither `Debug` nor any other output shows a secret.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    plain: BTreeMap<String, Option<String>>,
    secret: BTreeMap<String, SecretString>,
    /// Secrets that are to go when this is a change of another configuration.
    taken: BTreeSet<String>,
}

impl Configuration {
    /// Reads a flat object. Values may be text, boolean, number or null; the text `"null"` is null,
    /// objects are kept as their JSON text.
    pub fn from_json(values: &Map<String, Json>, connector: &Connector) -> (Self, Vec<Diagnostic>) {
        let mut configuration = Self::default();
        let mut faults = Vec::new();
        for (key, value) in values {
            let text = match value {
                Json::Null => None,
                Json::String(text) if text == "null" => None,
                Json::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            if text
                .as_ref()
                .is_some_and(|text| text.len() > LONGEST && !key.starts_with("event.poller"))
            {
                let path = format!("configuration.{key}");
                faults.push(Diagnostic::error(path, "the value is longer than 64 KB"));
            } else {
                configuration.set(key, text, connector);
            }
        }
        (configuration, faults)
    }

    /// Sets a value; null takes a secret away.
    pub fn set(&mut self, key: &str, value: Option<String>, connector: &Connector) {
        if !connector.masks(key) {
            self.plain.insert(key.to_owned(), value);
            return;
        }
        match value {
            Some(value) => drop(self.secret.insert(key.to_owned(), value.into())),
            None => {
                self.secret.remove(key);
                self.taken.insert(key.to_owned());
            }
        }
    }

    /// Takes a secret out; the key is gone.
    pub fn take_secret(&mut self, key: &str) -> Option<SecretString> {
        self.plain.remove(key);
        self.secret.remove(key)
    }

    /// Keys whose values are [`MASK`], which stands for a secret that only another one knows.
    pub fn masks(&self) -> impl Iterator<Item = &str> {
        let masks = self.secret.iter().filter(|(_, secret)| secret.expose_secret() == MASK);
        masks.map(|(key, _)| key.as_str())
    }

    /// Sets what has no value yet to the connector's default.
    #[must_use]
    pub fn with_defaults(mut self, connector: &Connector) -> Self {
        for entry in &connector.configuration {
            let is_missing = self.get(&entry.key).is_none() && self.secret(&entry.key).is_none();
            if let Some(default) = entry.default.as_ref().filter(|_| is_missing) {
                self.set(&entry.key, Some(default.clone()), connector);
            }
        }
        self
    }

    /// From what a store kept apart.
    pub fn from_parts(
        plain: BTreeMap<String, Option<String>>,
        secret: BTreeMap<String, SecretString>,
    ) -> Self {
        Self { plain, secret, taken: BTreeSet::new() }
    }

    /// The values that are no secrets.
    pub fn plain(&self) -> &BTreeMap<String, Option<String>> {
        &self.plain
    }

    /// The secrets.
    pub fn secrets(&self) -> &BTreeMap<String, SecretString> {
        &self.secret
    }

    /// A value that is no secret and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        let text = self.plain.get(key).and_then(Option::as_deref);
        text.filter(|text| !text.trim().is_empty())
    }

    /// A secret that is not empty.
    pub fn secret(&self, key: &str) -> Option<&SecretString> {
        self.secret.get(key).filter(|secret| !secret.expose_secret().is_empty())
    }

    /// A truth value: `true` and `false` in any case.
    ///
    /// # Errors
    /// Another text, with the key as path.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, Diagnostic> {
        let Some(text) = self.get(key) else { return Ok(default) };
        text.trim().to_ascii_lowercase().parse().map_err(|_| {
            Diagnostic::error(
                format!("configuration.{key}"),
                format!("`{text}` was found; true or false was expected"),
            )
        })
    }

    /// A number of minutes, fractions allowed.
    ///
    /// # Errors
    /// What is no number above zero, with the key as path.
    pub fn minutes(&self, key: &str, default: Duration) -> Result<Duration, Diagnostic> {
        let Some(text) = self.get(key) else { return Ok(default) };
        let minutes = text.trim().parse::<f64>().ok().filter(|minutes| *minutes > 0.0);
        let duration = minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
        duration.ok_or_else(|| {
            let message = format!("`{text}` was found; a number of minutes above 0 was expected");
            Diagnostic::error(format!("configuration.{key}"), message).help("15")
        })
    }

    /// Whether a value whose key begins so is another one than in `other`, secrets included.
    pub fn differs_below(&self, prefix: &str, other: &Self) -> bool {
        !self.below(prefix).eq(other.below(prefix))
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let plain = self.plain.iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let secret = self.secret.iter().map(|(key, secret)| (key, secret.expose_secret()));
        let all = plain.chain(secret).map(|(key, value)| (key.as_str(), value));
        all.filter(move |(key, _)| key.starts_with(prefix))
    }

    /// This configuration with `changes` on top. A secret that comes back as [`MASK`] keeps its
    /// value; with `whole`, keys that `changes` does not name are gone, as after a PUT.
    #[must_use]
    pub fn updated(&self, changes: &Self, whole: bool) -> Self {
        let mut merged = if whole { Self::default() } else { self.clone() };
        merged.plain.extend(changes.plain.clone());
        merged.secret.retain(|key, _| !changes.taken.contains(key));
        for (key, secret) in &changes.secret {
            let kept =
                if secret.expose_secret() == MASK { self.secret.get(key) } else { Some(secret) };
            if let Some(secret) = kept {
                merged.secret.insert(key.clone(), secret.clone());
            }
        }
        merged
    }

    /// The values as an answer shows them: text or null, secrets masked.
    pub fn masked(&self) -> Map<String, Json> {
        let plain = self
            .plain
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().map_or(Json::Null, Json::String)));
        let secret = self.secret.keys().map(|key| (key.clone(), Json::from(MASK)));
        let mut all: Vec<(String, Json)> = plain.chain(secret).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().collect()
    }
}

impl Connector {
    /// Whether a configuration value is a secret that answers mask.
    pub fn masks(&self, key: &str) -> bool {
        SECRETS.contains(&key) || self.is_secret(key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    fn read(values: &Json) -> Configuration {
        let catalogue = Catalogue::built_in().unwrap();
        Configuration::from_json(values.as_object().unwrap(), catalogue.find("salesloft").unwrap())
            .0
    }

    #[test]
    fn values_of_every_kind_mean_the_same() {
        for value in [json!(true), json!("true"), json!("TRUE")] {
            assert_eq!(read(&json!({"a": value})).flag("a", false), Ok(true));
        }
        for value in [json!(1.5), json!("1.5"), json!(" 1.5 ")] {
            let minutes = read(&json!({"a": value})).minutes("a", Duration::ZERO);
            assert_eq!(minutes, Ok(Duration::from_secs(90)));
        }
        assert_eq!(read(&json!({"a": "null", "b": null, "c": ""})).get("a"), None);
    }

    #[test]
    fn values_that_make_no_sense_are_refused_with_their_key() {
        let configuration = read(&json!({"a": "maybe", "b": "-1", "c": "soon"}));
        assert_eq!(configuration.flag("a", true).unwrap_err().path, "configuration.a");
        assert!(configuration.minutes("b", Duration::ZERO).is_err());
        assert!(configuration.minutes("c", Duration::ZERO).is_err());
    }

    #[test]
    fn practically_never_is_an_interval() {
        let configuration = read(&json!({"a": 999_999_999}));
        assert!(configuration.minutes("a", Duration::ZERO).unwrap() > Duration::from_secs(1 << 35));
    }

    #[test]
    fn secrets_are_masked_and_never_printed() {
        let configuration =
            read(&json!({"oauth.api.secret": "s3cret", "salesloft.api.key": "s3cret", "x": 1}));
        assert!(!format!("{configuration:?}").contains("s3cret"));
        let shown = serde_json::to_string(&configuration.masked()).unwrap();
        assert_eq!(
            shown,
            r#"{"oauth.api.secret":"********","salesloft.api.key":"********","x":"1"}"#
        );
    }

    #[test]
    fn callback_headers_may_hold_a_secret_and_are_one() {
        let key = "event.notification.callback.headers";
        let configuration = read(&json!({key: "Authorization: Bearer s3cret"}));
        assert!(!format!("{configuration:?}").contains("s3cret"));
        assert!(configuration.plain().is_empty() && configuration.get(key).is_none());
        assert_eq!(configuration.masked()[key], MASK);
    }

    #[test]
    fn a_difference_is_seen_in_values_and_in_secrets() {
        let stored = read(&json!({"a.x": "1", "a.password": null, "b": "1", "password": "s3cret"}));
        let differs = |prefix, values| read(&values).differs_below(prefix, &stored);
        let same = json!({"a.x": 1, "password": "s3cret"});
        assert!(!differs("a.", same.clone()) && !differs("p", same.clone()) && differs("b", same));
        assert!(differs("a.", json!({"a.x": "2"})) && differs("a.", json!({})));
        assert!(differs("p", json!({"password": "other"})) && differs("p", json!({})));
    }

    #[test]
    fn null_takes_a_stored_secret_away() {
        let stored = read(&json!({"password": "old", "oauth.api.secret": "kept"}));
        let patched = stored.updated(&read(&json!({"password": null})), false);
        assert!(patched.secret("password").is_none());
        assert!(patched.secret("oauth.api.secret").is_some());
    }

    #[test]
    fn what_has_no_value_gets_the_connectors_default() {
        let catalogue = Catalogue::built_in().unwrap();
        let mut connector = Connector::clone(catalogue.find("salesloft").unwrap());
        let scope = connector.configuration.iter_mut().find(|entry| entry.key == "oauth.scope");
        scope.unwrap().default = Some("people:read".to_owned());
        let with = |values: Json| {
            let (read, _) = Configuration::from_json(values.as_object().unwrap(), &connector);
            read.with_defaults(&connector).get("oauth.scope").map(str::to_owned)
        };
        assert_eq!(with(json!({})).as_deref(), Some("people:read"));
        assert_eq!(with(json!({"oauth.scope": "all"})).as_deref(), Some("all"));
    }

    #[test]
    fn a_mask_that_comes_back_keeps_the_stored_secret() {
        let stored =
            read(&json!({"password": "old", "oauth.api.secret": "kept", "a": "1", "b": "2"}));
        let changes = read(&json!({"password": "********", "a": "3"}));
        let patched = stored.updated(&changes, false);
        assert_eq!(patched.secret("password").unwrap().expose_secret(), "old");
        assert_eq!((patched.get("a"), patched.get("b")), (Some("3"), Some("2")));
        assert!(patched.secret("oauth.api.secret").is_some());
        let put = stored.updated(&changes, true);
        assert_eq!(put.secret("password").unwrap().expose_secret(), "old");
        assert_eq!((put.get("b"), put.secret("oauth.api.secret").is_none()), (None, true));
    }
}
