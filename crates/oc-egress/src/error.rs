//! Why an exchange did not happen.

use crate::Refusal;

/// An exchange that ended without a whole answer. No message holds a query, header or body.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EgressError {
    /// The network policy forbids the url. Its display does not tell a forbidden address from one
    /// that does not answer, so that nobody can map a private network; [`Self::detail`] does.
    #[error("{}", public_words(.0))]
    Refused(Refusal),
    /// The name has no address.
    #[error("the host has no address or does not answer")]
    Resolve(String),
    /// Nobody accepts the connection.
    #[error("the host has no address or does not answer")]
    Connect(String),
    /// The TLS handshake failed.
    #[error("no TLS connection: {0}")]
    Tls(String),
    /// A deadline passed.
    #[error("{}", late(.0))]
    TimedOut(&'static str),
    /// The connection ended before the whole answer was there.
    #[error("the connection ended before the whole answer was there")]
    Closed,
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is no HTTP.
    #[error("the answer is no valid HTTP")]
    Malformed,
    /// The answer's head is too long.
    #[error("the answer has more than 100 headers or 32 KB of them")]
    LargeHead,
    /// The request cannot be made of what was given.
    #[error("the request is not valid: {0}")]
    Invalid(String),
}

impl EgressError {
    /// True when the network policy forbids the url.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// True when a deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut(_))
    }

    /// True when the other side may have acted on the request although no answer came.
    pub fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::TimedOut("answer")
                | Self::Closed
                | Self::TooLarge(_)
                | Self::Malformed
                | Self::LargeHead
        )
    }

    /// One word, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Resolve(_) => "resolve",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::TimedOut(_) => "timeout",
            Self::Closed => "closed",
            Self::TooLarge(_) => "too_large",
            Self::Malformed => "malformed",
            Self::LargeHead => "large_head",
            Self::Invalid(_) => "invalid",
        }
    }

    /// Everything that is known, for the operator's log.
    pub fn detail(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::Resolve(why) => format!("the name could not be resolved: {why}"),
            Self::Connect(why) => format!("no connection: {why}"),
            other => other.to_string(),
        }
    }
}

fn public_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Address { .. } | Refusal::Own { .. } => {
            "the host has no address or does not answer".to_owned()
        }
        other => other.to_string(),
    }
}

fn late(what: &str) -> &'static str {
    match what {
        "resolve" => "the host's name was not resolved in time",
        "connect" => "no connection in time",
        _ => "no whole answer in time",
    }
}
