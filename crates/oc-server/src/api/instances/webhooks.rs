//! How an instance's webhooks stand, as answers show it.

use oc_config::InstanceSettings;
use oc_store::{HookState, Warning};
use serde::Serialize;
use url::{Host, Url};
use utoipa::ToSchema;

/// How the provider tells the instance of changes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InstanceWebhooks)]
pub(super) struct WebhooksAnswer {
    /// The provider's events that are to be subscribed to.
    events: Vec<String>,
    /// Those that are.
    subscribed: Vec<String>,
    /// Records that were received and are not worked off.
    waiting: u64,
    /// Why the subscriptions are not what they are to be; it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// When the subscriptions are looked at next.
    next_due: Option<String>,
}

impl WebhooksAnswer {
    /// Nothing when there is nothing to tell: it wants none, has none, and all is well.
    pub(super) fn of(state: Option<HookState>) -> Option<Self> {
        let HookState { wanted, subscribed, waiting, due, error } = state?;
        if wanted.is_empty() && subscribed.is_empty() && waiting == 0 && error.is_none() {
            return None;
        }
        let next_due = due.map(|at| at.to_string());
        Some(Self { events: wanted, subscribed, waiting, error, next_due })
    }
}

/// An address that only this machine knows cannot be delivered to.
pub(super) fn unreachable(settings: &InstanceSettings, public_url: &Url) -> Option<Warning> {
    let is_local = match public_url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => true,
    };
    (is_local && !settings.pushed.is_empty()).then(|| Warning {
        path: "configuration.event.vendor.type".to_owned(),
        message: format!(
            "the provider cannot deliver to {public_url}; the operator has to set OC_PUBLIC_URL"
        ),
    })
}
