//! Who we are to the provider: authorization url, code exchange, refresh.
//!
//! [`Tokens`] hands out access tokens that are good for a request sent now. It refreshes ahead of
//! their end, one refresh at a time an instance, and a new pair is durable before it is used.
#![doc = include_str!("../README.md")]

mod authorize;
mod endpoint;
mod grant;
mod metrics;
mod tokens;
mod transcript;
mod vault;

pub use authorize::{Authorization, authorization_url};
pub use endpoint::{Code, TokenEndpoint, TokenFault};
pub use grant::{ClientCredentials, Grant, TokenSet};
pub use tokens::{AccessToken, Patience, TokenError, Tokens};
pub use transcript::{Answer, Exchange, Transcript};
pub use vault::{Intent, Replaced, Vault, VaultError};

#[cfg(any(test, feature = "mock"))]
pub use vault::MockVault;
