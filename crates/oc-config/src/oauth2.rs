//! How a connector does OAuth 2: what its definition says about the provider's endpoints and habits.

use std::time::Duration;

/// The OAuth 2 authorization-code grant (RFC 6749, section 4.1) as one provider does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// Where the user is sent to consent; an instance's `oauth.authorization.url` replaces it.
    pub authorize: String,
    /// Where codes and refresh tokens are exchanged; an instance's `oauth.token.url` replaces it.
    pub token: String,
    /// Where a token is revoked (RFC 7009) when its instance is deleted.
    pub revoke: Option<String>,
    /// How the client identifies itself at the token endpoint.
    pub client: ClientAuthentication,
    /// The form of a token request's body.
    pub body: TokenBody,
    /// Parameters of the callback that are repeated to the token endpoint.
    pub forward: Vec<String>,
    /// How long an access token lives when the provider does not say.
    pub lifetime: Duration,
    /// After this long it counts as ended all the same: an instance's `oauth.user.refresh_interval`.
    pub refresh_interval: Option<Duration>,
    /// At most this long before its end a token is refreshed.
    pub margin: Duration,
    /// `error` values of the token endpoint after which only the user can help.
    pub dead: Vec<String>,
}

/// Where client id and secret go in a token request (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Parameters of the body.
    Body,
    /// The `Authorization: Basic` header.
    Basic,
}

/// How the parameters of a token request are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenBody {
    /// `application/x-www-form-urlencoded`, as RFC 6749 has it.
    Form,
    /// A JSON object.
    Json,
}
