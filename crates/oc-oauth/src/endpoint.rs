//! The provider's token endpoint: code exchange and refresh (RFC 6749, sections 4.1.3 and 6).

mod answer;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use oc_config::{ClientAuthentication, OAuth2, Timestamp, TokenBody};
use oc_egress::{Egress, Limits, Overflow, Request, Response, Stale};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::transcript::Asked;
use crate::{ClientCredentials, TokenSet, Transcript};
pub(crate) use answer::without;

const LIMITS: Limits =
    Limits { total: Duration::from_secs(20), body: 256 * 1024, overflow: Overflow::Fail };

/// Why there are no tokens, by what the caller can do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenFault {
    /// The provider refused.
    #[error("the provider refused: {text}")]
    Refused {
        /// The provider's words, at most 4 KB, without our secrets.
        text: String,
        /// Whether only the user can help.
        dead: bool,
    },
    /// Try again later; the request had no effect.
    #[error("the token endpoint is not available: {0}")]
    Unavailable(String),
    /// The request may have had its effect, but no answer came.
    #[error("the token endpoint's answer was lost: {0}")]
    Lost(String),
}

/// What the provider's redirect brought.
#[derive(Clone, Debug)]
pub struct Code<'a> {
    /// `code`.
    pub code: &'a SecretString,
    /// The redirect uri of the authorization url.
    pub redirect_uri: Option<&'a str>,
    /// Parameters of the callback; those the provider wants repeated are.
    pub others: &'a [(String, String)],
}

/// A client of token and revocation endpoints, tolerant as they differ: 200 or 201, `token_type` missing,
/// `expires_in` as number or text or missing, further members kept.
#[derive(Clone)]
pub struct TokenEndpoint {
    egress: Egress,
    transcript: Option<Transcript>,
}

impl TokenEndpoint {
    /// A client that leaves through `egress`.
    pub fn new(egress: Egress) -> Self {
        Self { egress, transcript: None }
    }

    /// The same, with all that is said recorded.
    #[must_use]
    pub fn recorded(&self, transcript: &Transcript) -> Self {
        Self { egress: self.egress.clone(), transcript: Some(transcript.clone()) }
    }

    /// Exchanges a code. Also tells the provider's time, when its answer does.
    ///
    /// # Errors
    /// Why there are no tokens.
    pub async fn exchange(
        &self,
        provider: &OAuth2,
        client: &ClientCredentials,
        code: &Code<'_>,
        now: Timestamp,
    ) -> Result<(TokenSet, Option<Timestamp>), TokenFault> {
        let mut parameters =
            vec![("grant_type", "authorization_code"), ("code", code.code.expose_secret())];
        parameters.extend(code.redirect_uri.map(|uri| ("redirect_uri", uri)));
        let repeated = code.others.iter().filter(|(name, _)| provider.forward.contains(name));
        parameters.extend(repeated.map(|(name, value)| (name.as_str(), value.as_str())));
        self.ask(provider, client, parameters, None, now).await
    }

    /// Exchanges a refresh token; a provider that sends no new one leaves the old one good.
    ///
    /// # Errors
    /// Why there are no tokens.
    pub async fn refresh(
        &self,
        provider: &OAuth2,
        client: &ClientCredentials,
        refresh: &SecretString,
        now: Timestamp,
    ) -> Result<TokenSet, TokenFault> {
        Ok(self.take_over(provider, client, refresh, now).await?.0)
    }

    /// Exchanges a refresh token that somebody else was granted, as the first one of an instance.
    /// Also tells the provider's time, when its answer does.
    ///
    /// # Errors
    /// Why there are no tokens.
    pub async fn take_over(
        &self,
        provider: &OAuth2,
        client: &ClientCredentials,
        refresh: &SecretString,
        now: Timestamp,
    ) -> Result<(TokenSet, Option<Timestamp>), TokenFault> {
        let parameters =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
        self.ask(provider, client, parameters, Some(refresh), now).await
    }

    /// Revokes a pair where the provider has an endpoint for that (RFC 7009): its refresh token, with
    /// which access tokens end too, or its access token when there is no other.
    ///
    /// # Errors
    /// Why it is not known to be revoked.
    pub async fn revoke(
        &self,
        provider: &OAuth2,
        client: &ClientCredentials,
        tokens: &TokenSet,
    ) -> Result<(), TokenFault> {
        let Some(url) = &provider.revoke else { return Ok(()) };
        let (token, hint) = match &tokens.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&tokens.access, "access_token"),
        };
        let parameters = vec![("token", token.expose_secret()), ("token_type_hint", hint)];
        let (request, _) = request(provider, url, client, parameters)?;
        let response = self.send(request).await?;
        if response.status.is_success() {
            return Ok(());
        }
        Err(TokenFault::Unavailable(format!("it answered {}", response.status)))
    }

    async fn ask(
        &self,
        provider: &OAuth2,
        client: &ClientCredentials,
        parameters: Vec<(&str, &str)>,
        old: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<(TokenSet, Option<Timestamp>), TokenFault> {
        let (request, secrets) = request(provider, &provider.token, client, parameters)?;
        let response = self.send(request).await?;
        answer::read(&response, provider, old, now, &secrets)
    }

    async fn send(&self, request: Request) -> Result<Response, TokenFault> {
        let asked = self.transcript.as_ref().map(|transcript| (transcript, Asked::new(&request)));
        let exchanged = self.egress.exchange(request, LIMITS).await;
        if let Some((transcript, asked)) = asked {
            transcript.note(asked, exchanged.as_ref().map_err(ToString::to_string));
        }
        exchanged.map_err(|error| {
            tracing::warn!(error = error.detail(), "Token request failed");
            if error.may_have_arrived() {
                TokenFault::Lost(error.to_string())
            } else {
                TokenFault::Unavailable(error.to_string())
            }
        })
    }
}

/// A request with the client's identity, and the secrets in it, which no message may repeat.
fn request<'a>(
    provider: &OAuth2,
    url: &str,
    client: &'a ClientCredentials,
    mut parameters: Vec<(&'a str, &'a str)>,
) -> Result<(Request, Vec<&'a str>), TokenFault> {
    let url = Url::parse(url).map_err(|_| refused("the configured token url is no url"))?;
    let secret = client.secret.as_ref().map(ExposeSecret::expose_secret);
    if provider.client == ClientAuthentication::Body {
        parameters.push(("client_id", &client.id));
        parameters.extend(secret.map(|secret| ("client_secret", secret)));
    }
    let mut request = Request::post(url, body(provider.body, &parameters));
    // Codes and refresh tokens are good once.
    request.stale = Stale::Avoid;
    let content_type = match provider.body {
        TokenBody::Form => "application/x-www-form-urlencoded",
        TokenBody::Json => "application/json",
    };
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if provider.client == ClientAuthentication::Basic {
        request.headers.insert(AUTHORIZATION, basic(&client.id, secret.unwrap_or_default())?);
    }
    let is_secret =
        |name: &str| matches!(name, "code" | "refresh_token" | "client_secret" | "token");
    let secrets = parameters.into_iter().filter(|(name, _)| is_secret(name));
    Ok((request, secrets.map(|(_, value)| value).collect()))
}

fn refused(text: &str) -> TokenFault {
    TokenFault::Refused { text: text.to_owned(), dead: false }
}

fn body(form: TokenBody, parameters: &[(&str, &str)]) -> Bytes {
    match form {
        TokenBody::Form => Serializer::new(String::new()).extend_pairs(parameters).finish().into(),
        TokenBody::Json => {
            let members =
                parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
            serde_json::Value::Object(members.collect()).to_string().into()
        }
    }
}

/// Client authentication by header: both parts form-encoded first (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> Result<HeaderValue, TokenFault> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {credentials}"))
        .map_err(|_| refused("the client credentials do not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
