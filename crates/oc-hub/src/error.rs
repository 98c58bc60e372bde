//! Why the provider's data could not be had, by what the caller will do about it.

use std::time::Duration;

use http::StatusCode;
use oc_config::Diagnostic;

/// The hub's error.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The connector has no such resource; says which there are.
    #[error("unknown resource `{resource}`; this connector has: {known}")]
    UnknownResource {
        /// What was asked for.
        resource: String,
        /// What there is, comma-separated.
        known: String,
    },
    /// The resource has no such call; says which there are.
    #[error("`{resource}` does not take {method} here; it has: {known}")]
    UnknownMethod {
        /// The resource.
        resource: String,
        /// What was asked for.
        method: &'static str,
        /// The methods that there are at this place, comma-separated.
        allowed: String,
        /// The calls of the resource, comma-separated.
        known: String,
    },
    /// The request cannot be carried out as it is written.
    #[error("{0}")]
    Request(Diagnostic),
    /// Only the user can help, by authorizing the instance again.
    #[error("the instance must be authorized again: {reason}")]
    NeedsAuthentication {
        /// Why.
        reason: String,
        /// The provider's own words.
        provider: Option<String>,
    },
    /// The provider refused; repeating the request changes nothing.
    #[error("the provider answered {status}: {}", text.as_deref().unwrap_or("no text"))]
    Provider {
        /// Its status.
        status: StatusCode,
        /// Its words, at most 4 KB.
        text: Option<String>,
    },
    /// The rate limit leaves no room now.
    #[error("the provider's rate limit is used up; try again in {} s", retry_after.as_secs().max(1))]
    RateLimited {
        /// When there is room again.
        retry_after: Duration,
        /// The provider's words, when it said so itself.
        text: Option<String>,
    },
    /// The provider answered with a fault of its own, or with something that is no answer.
    #[error("the provider failed: {reason}")]
    Faulty {
        /// What was wrong.
        reason: String,
        /// Its words, at most 4 KB.
        text: Option<String>,
    },
    /// The provider did not answer, or its token endpoint did not.
    #[error("the provider did not answer: {0}")]
    NoAnswer(String),
}

impl HubError {
    /// True when every further request fails until the user has authorized the instance again
    /// (polling.md, "A poll", 5: 401 after a refresh, 403, `invalid_grant`).
    pub fn needs_authentication(&self) -> bool {
        match self {
            Self::NeedsAuthentication { .. } => true,
            Self::Provider { status, .. } => *status == StatusCode::FORBIDDEN,
            _ => false,
        }
    }

    /// With what the provider has said about its rate limit before, when that is what failed.
    pub(crate) fn or_said(self, before: Option<String>) -> Self {
        match self {
            Self::RateLimited { retry_after, text: None } => {
                Self::RateLimited { retry_after, text: before }
            }
            other => other,
        }
    }

    /// The provider's own words, when it said some.
    pub fn provider_text(&self) -> Option<&str> {
        match self {
            Self::Provider { text, .. }
            | Self::Faulty { text, .. }
            | Self::RateLimited { text, .. } => text.as_deref(),
            Self::NeedsAuthentication { provider, .. } => provider.as_deref(),
            _ => None,
        }
    }
}
