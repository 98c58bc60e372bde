//! An instance as pages need to know it, read from the API's answer.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use maud::{Markup, html};
use serde::Deserialize;

use super::problem::Problem;

/// The number in the path; there is no page for what is none.
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path(number)| Self(number)).map_err(|_| Problem::Missing)
    }
}

/// What the API says of an instance.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownInstance {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) created_date: String,
    pub(super) token: String,
    pub(super) element: Option<KnownElement>,
    pub(super) tags: Vec<String>,
    valid: bool,
    pub(super) disabled: bool,
    pub(super) events_enabled: bool,
    #[serde(default)]
    pub(super) configuration: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) warnings: Vec<Remark>,
    authentication_error: Option<String>,
    failed_polls: u32,
    polling_stopped: Option<String>,
    delivery_queued_since: Option<String>,
    pub(super) delivery_queued: Option<Queued>,
    pub(super) rate_budget: Option<RateBudget>,
}

/// Deliveries that have queued.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Queued {
    pub(super) since: String,
    pub(super) reason: Option<String>,
    pub(super) waiting: u64,
    pub(super) next_probe: Option<String>,
    pub(super) failed_probes: u32,
}

/// What its account may still spend of the provider's rate limit.
#[derive(Debug, Deserialize)]
pub(super) struct RateBudget {
    pub(super) points: u32,
    pub(super) left: u32,
    pub(super) renewed: String,
}

/// What it says of a connector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownElement {
    pub(super) key: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) hub: Option<String>,
    pub(super) image: Option<String>,
    #[serde(default)]
    authentication: Authentication,
}

/// How it authenticates.
#[derive(Debug, Default, Deserialize)]
struct Authentication {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl KnownElement {
    /// Whether users consent at the provider.
    pub(super) fn is_oauth(&self) -> bool {
        self.authentication.kind.as_deref() == Some("oauth2")
    }
}

/// A warning from the configuration.
#[derive(Debug, Deserialize)]
pub(super) struct Remark {
    pub(super) path: String,
    pub(super) message: String,
}

/// How an instance is, at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// `good`, `idle`, `warn` or `bad`.
    tone: &'static str,
    label: &'static str,
    /// Why, and what to do.
    pub(super) reason: Option<String>,
}

impl KnownInstance {
    /// Whether only another configuration, or another authorization, helps.
    pub(super) fn is_to_be_edited(&self) -> bool {
        !self.disabled && (!self.valid || self.polling_stopped.is_some())
    }

    /// The worst that is to be said.
    pub(super) fn condition(&self) -> Condition {
        let (tone, label, reason) = if self.disabled {
            ("idle", "Disabled", Some("Nothing is polled until it is enabled.".to_owned()))
        } else if !self.valid {
            let why = self.authentication_error.as_deref();
            let why = why.unwrap_or("the connector's definition is not there any more");
            ("bad", "Needs re-authentication", Some(super::problem::sentence(why)))
        } else if let Some(why) = &self.polling_stopped {
            ("bad", "Polling stopped", Some(super::problem::sentence(why)))
        } else if let Some(since) = &self.delivery_queued_since {
            let why = format!(
                "The callback has failed for too long; events are kept since {since}. Mend it, then reactivate."
            );
            ("warn", "Deliveries queued", Some(why))
        } else if self.events_enabled && self.failed_polls > 0 {
            let why = format!(
                "The last polls have failed, {} in a row. They are repeated by themselves; what was wrong stands below.",
                self.failed_polls
            );
            ("warn", "Polls fail", Some(why))
        } else if self.events_enabled {
            ("good", "Active", None)
        } else {
            ("idle", "Events off", Some("It answers hub calls, and polls nothing.".to_owned()))
        };
        Condition { tone, label, reason }
    }
}

impl Condition {
    /// A word with a colour; the word alone says it as well.
    pub(super) fn badge(&self) -> Markup {
        html! { span class={ "badge " (self.tone) } { (self.label) } }
    }
}

/// Tags as small labels.
pub(super) fn tags(tags: &[String]) -> Markup {
    html! { @for tag in tags { span.tag { (tag) } " " } }
}
