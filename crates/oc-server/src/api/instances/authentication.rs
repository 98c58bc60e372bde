//! Who an instance is to its provider: the exchange of the code.

use axum::http::StatusCode;
use oc_config::{Configuration, Connector, InstanceRequest, InstanceSettings, Timestamp};
use oc_oauth::{ClientCredentials, Code, TokenFault, TokenSet};
use oc_store::Instance;
use secrecy::ExposeSecret;
use std::time::Duration;

use crate::api::error::ApiError;
use crate::app::App;
use crate::credentials::api_key;

/// What came of it.
pub(super) struct Authenticated {
    /// The pair, when a code was exchanged.
    pub(super) tokens: Option<TokenSet>,
    /// Where new cursors start: now, by the provider's clock where that is behind ours.
    pub(super) start: Timestamp,
}

/// Exchanges the request's code. An instance that has its tokens needs none.
pub(super) async fn authenticate(
    app: &App,
    connector: &Connector,
    settings: &InstanceSettings,
    configuration: &Configuration,
    before: Option<&Instance>,
    request: &InstanceRequest,
) -> Result<Authenticated, ApiError> {
    let now = app.clock.now();
    let data = request.provider_data.as_ref();
    if let Some(words) = data.and_then(|data| data.error.clone()) {
        let message =
            "providerData.error: the provider has not authorized; send the user there again";
        return Err(ApiError::bad_request(message).said(Some(words)));
    }
    let code = data.and_then(|data| data.code.as_ref());
    let (Some(provider), Some(data), Some(code)) = (&settings.oauth2, data, code) else {
        if before.is_some() || api_key(connector, configuration).is_some() {
            return Ok(Authenticated { tokens: None, start: now });
        }
        let key = connector.api_key.as_ref().map(|key| key.configuration.as_str());
        let instead =
            key.map(|key| format!(", or `{key}` in the configuration")).unwrap_or_default();
        return Err(ApiError::bad_request(format!(
            "providerData.code: the code that the provider handed to the callback was expected{instead}"
        )));
    };
    let id = configuration.secret("oauth.api.key");
    let client = ClientCredentials {
        id: id.map_or_else(String::new, |id| id.expose_secret().to_owned()),
        secret: configuration.secret("oauth.api.secret").cloned(),
    };
    let code =
        Code { code, redirect_uri: configuration.get("oauth.callback.url"), others: &data.others };
    let exchanged = app.endpoint.exchange(provider, &client, &code, now).await;
    let (tokens, date) = exchanged.map_err(refused)?;
    // A `Date` tells whole seconds: behind only if even the end of its second is before ours.
    let behind = date
        .filter(|date| date.plus(Duration::from_secs(1)) < now)
        .map_or(Duration::ZERO, |date| app.clock.now().since(date));
    Ok(Authenticated { tokens: Some(tokens), start: now.minus(behind) })
}

fn refused(fault: TokenFault) -> ApiError {
    match fault {
        TokenFault::Refused { text, .. } => ApiError::bad_request(
            "the provider refused the code; codes are good once and for a few minutes, so send the user there again",
        )
        .said(Some(text)),
        TokenFault::Unavailable(reason) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            format!("the provider's token endpoint is not available: {reason}"),
        ),
        TokenFault::Lost(reason) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            format!("the provider's answer was lost ({reason}); send the user there again, as the code may be used up"),
        ),
    }
}
