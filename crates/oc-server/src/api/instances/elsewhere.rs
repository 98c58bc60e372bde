//! Credentials that are stored go nowhere else: whoever names another host for them has to bring
//! them, so that a masked secret cannot be read by having it sent.

use oc_config::{Configuration, Connector, Diagnostic, InstanceSettings, MASK};
use secrecy::ExposeSecret;
use url::Url;

use crate::api::error::ApiError;

/// Where credentials are sent, as their configuration keys name it.
const HOSTS: [&str; 2] = ["base.url", "oauth.token.url"];

/// What is stored, and what the request makes of it.
pub(super) struct Change<'a> {
    pub(super) connector: &'a Connector,
    /// `None` when what is stored cannot be read any more.
    pub(super) before: Option<&'a InstanceSettings>,
    pub(super) after: &'a InstanceSettings,
    /// The configuration as it would be.
    pub(super) configuration: &'a Configuration,
    /// The request's own.
    pub(super) given: &'a Configuration,
    /// Whether tokens are stored that the request does not replace.
    pub(super) keeps_tokens: bool,
}

impl Change<'_> {
    /// Refuses another host for what is stored. The connector's own hosts are the operator's choice.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let moved = self.moved();
        let missing = self.missing();
        if moved.is_empty() || missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "what is stored is not sent to another host; send with it: {}",
            missing.join(", ")
        );
        let fault = |key| Diagnostic::error(format!("configuration.{key}"), message.clone());
        Err(ApiError::faults(&moved.into_iter().map(fault).collect::<Vec<_>>()))
    }

    /// The keys that name another host than before.
    fn moved(&self) -> Vec<&'static str> {
        let own = [
            Url::parse(&self.connector.base).ok(),
            self.connector.oauth2.as_ref().and_then(|it| Url::parse(&it.token).ok()),
        ];
        let before = self.before.map_or([None, None], hosts);
        let after = hosts(self.after);
        let places = HOSTS.into_iter().zip(after).zip(before.into_iter().zip(own));
        let is_new = |after: &Url, known: [Option<Url>; 2]| {
            !known.into_iter().flatten().any(|known| known.origin() == after.origin())
        };
        let moved = places.filter_map(|((key, after), (before, own))| {
            after.filter(|after| is_new(after, [before, own])).map(|_| key)
        });
        moved.collect()
    }

    /// The credentials that would go there without having come with the request.
    fn missing(&self) -> Vec<&str> {
        let is_given =
            |key: &str| self.given.secret(key).is_some_and(|secret| secret.expose_secret() != MASK);
        let secrets = self.configuration.secrets().keys().map(String::as_str);
        // Those for the receiver never go to the provider.
        let secrets = secrets.filter(|key| !key.starts_with("event.") && !is_given(key));
        secrets.chain(self.keeps_tokens.then_some("providerData.code")).collect()
    }
}

fn hosts(settings: &InstanceSettings) -> [Option<Url>; 2] {
    let token = settings.oauth2.as_ref().and_then(|oauth2| Url::parse(&oauth2.token).ok());
    [Some(settings.base.clone()), token]
}
