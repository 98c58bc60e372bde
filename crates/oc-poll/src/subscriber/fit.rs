//! One look at the subscriptions of an instance: what is missing is made, what is too much is ended.

use oc_config::MASK;
use oc_hub::Subscribed;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{FitError, Subscriber};
use crate::hook::Hook;
use crate::ledger::LedgerError;
use crate::source::SourceError;

impl Subscriber {
    /// Makes what there is at the provider fit. Where the provider shows its subscriptions that is
    /// what there is, so that one whose answer was lost is found; else it is what was recorded.
    pub(super) async fn fit(&self, hook: &Hook) -> Result<(), FitError> {
        let callback = self.callback(hook);
        let listed = self.provider.list(&hook.target).await?;
        let is_own = |one: &Subscribed| one.url.ends_with(&format!("/{}", hook.suffix));
        let mut there: Vec<Subscribed> = match listed {
            Some(all) => all.into_iter().filter(is_own).collect(),
            None => hook.known.clone(),
        };
        let (kept, surplus) = told_apart(&there, hook, callback.as_str());
        for event in hook.wanted.iter().filter(|event| !kept.contains(event)) {
            let (target, secret) = (&hook.target, &hook.secret);
            let id = self.provider.subscribe(target, event, &callback, secret).await?;
            there.push(Subscribed { id, event: event.clone(), url: callback.to_string() });
            self.hooks.note(hook, &there).await?;
        }
        for id in &surplus {
            self.provider.unsubscribe(&hook.target, id).await?;
            there.retain(|one| one.id != *id);
            self.hooks.note(hook, &there).await?;
        }
        Ok(self.hooks.note(hook, &there).await?)
    }

    /// Where the provider is to deliver to.
    fn callback(&self, hook: &Hook) -> Url {
        let mut url = self.callbacks.clone();
        let path = url.path().trim_end_matches('/');
        let path = format!("{path}/{}/{}", hook.target.connector.key, hook.suffix);
        url.set_path(&path);
        url
    }
}

/// The wanted events that are subscribed to, and the ids of what is not wanted: other events,
/// second ones, and those for an address that this service had before.
fn told_apart(there: &[Subscribed], hook: &Hook, callback: &str) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut surplus) = (Vec::new(), Vec::new());
    for one in there {
        let is_wanted = hook.wanted.contains(&one.event) && one.url == callback;
        if is_wanted && !kept.contains(&one.event) {
            kept.push(one.event.clone());
        } else {
            surplus.push(one.id.clone());
        }
    }
    (kept, surplus)
}

impl FitError {
    pub(super) fn message(&self) -> String {
        match self {
            Self::Source(error) => error.to_string(),
            Self::Ledger(error) => error.to_string(),
            Self::Time => "the provider takes too long".to_owned(),
        }
    }

    /// A provider may repeat what it was sent in its own words.
    pub(super) fn message_without(&self, secret: &SecretString) -> String {
        self.message().replace(secret.expose_secret(), MASK)
    }
}

impl From<SourceError> for FitError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<LedgerError> for FitError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}
