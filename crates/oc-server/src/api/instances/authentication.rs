//! Who an instance is to its provider: the exchange of the code, or of a refresh token that the
//! caller hands over.

use std::time::Duration;

use oc_config::{Configuration, Connector, InstanceRequest, MASK, OAuth2, Timestamp};
use oc_oauth::{ClientCredentials, Code, TokenEndpoint, TokenSet};
use secrecy::{ExposeSecret, SecretString};

use crate::api::error::ApiError;
use crate::api::token_fault::{EXCHANGED, REFRESHED, refused};
use crate::app::App;
use crate::credentials::api_key;

/// Where a refresh token that is handed over stands.
const REFRESH_TOKEN: &str = "oauth.user.refresh_token";

/// What came of it.
pub(super) struct Authenticated {
    /// The pair, when a code was exchanged.
    pub(super) tokens: Option<TokenSet>,
    /// Where new cursors start: now, by the provider's clock where that is behind ours.
    pub(super) start: Timestamp,
}

/// What is known before the provider is asked.
pub(super) struct Authentication<'a> {
    pub(super) connector: &'a Connector,
    /// The provider, with the instance's own urls.
    pub(super) provider: Option<&'a OAuth2>,
    pub(super) configuration: &'a Configuration,
    /// Whether the instance exists, and may have its tokens.
    pub(super) is_known: bool,
    pub(super) request: &'a InstanceRequest,
    /// The refresh token of the request, when it holds one.
    pub(super) refresh_token: Option<&'a SecretString>,
    pub(super) endpoint: &'a TokenEndpoint,
}

impl Authentication<'_> {
    /// Exchanges the request's code or refresh token. An instance that has its tokens needs none.
    pub(super) async fn carry_out(&self, app: &App) -> Result<Authenticated, ApiError> {
        let now = app.clock.now();
        let data = self.request.provider_data.as_ref();
        if let Some(words) = data.and_then(|data| data.error.clone()) {
            let message =
                "providerData.error: the provider has not authorized; send the user there again";
            return Err(ApiError::bad_request(message).said(Some(words)));
        }
        let code = self.code();
        let handed_over = self.handed_over();
        let exchanged = match (self.provider, handed_over, code) {
            (Some(provider), Some(refresh), _) => {
                self.endpoint.take_over(provider, &self.client(), refresh, now).await
            }
            (Some(provider), None, Some((code, others))) => {
                let redirect_uri = self.configuration.get("oauth.callback.url");
                let code = Code { code, redirect_uri, others };
                self.endpoint.exchange(provider, &self.client(), &code, now).await
            }
            _ => {
                self.needs_no_code()?;
                return Ok(Authenticated { tokens: None, start: now });
            }
        };
        let what = if handed_over.is_some() { REFRESHED } else { EXCHANGED };
        let (tokens, date) = exchanged.map_err(|fault| refused(fault, &what))?;
        // A `Date` tells whole seconds: behind only if even the end of its second is before ours.
        let behind = date
            .filter(|date| date.plus(Duration::from_secs(1)) < now)
            .map_or(Duration::ZERO, |date| app.clock.now().since(date));
        Ok(Authenticated { tokens: Some(tokens), start: now.minus(behind) })
    }

    fn client(&self) -> ClientCredentials {
        let id = self.configuration.secret("oauth.api.key");
        ClientCredentials {
            id: id.map_or_else(String::new, |id| id.expose_secret().to_owned()),
            secret: self.configuration.secret("oauth.api.secret").cloned(),
        }
    }

    /// Whether the request has the tokens replaced.
    pub(super) fn brings_tokens(&self) -> bool {
        self.provider.is_some() && (self.handed_over().is_some() || self.code().is_some())
    }

    /// The code, and what came with it.
    fn code(&self) -> Option<(&SecretString, &[(String, String)])> {
        let data = self.request.provider_data.as_ref()?;
        Some((data.code.as_ref()?, &data.others))
    }

    /// The refresh token that takes the place of a code; a mask stands for none.
    fn handed_over(&self) -> Option<&SecretString> {
        let is_real = |token: &&SecretString| !matches!(token.expose_secret().trim(), "" | MASK);
        self.refresh_token.filter(|_| self.request.hands_over_tokens).filter(is_real)
    }

    fn needs_no_code(&self) -> Result<(), ApiError> {
        if self.is_known || api_key(self.connector, self.configuration).is_some() {
            return Ok(());
        }
        if self.request.hands_over_tokens {
            return Err(ApiError::bad_request(format!(
                "configuration.{REFRESH_TOKEN}: the refresh token was expected, as externalAuthentication is `initial`"
            )));
        }
        let key = self.connector.api_key.as_ref().map(|key| key.configuration.as_str());
        let instead =
            key.map(|key| format!(", or `{key}` in the configuration")).unwrap_or_default();
        Err(ApiError::bad_request(format!(
            "providerData.code: the code that the provider handed to the callback was expected{instead}"
        )))
    }
}
