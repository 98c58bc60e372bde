//! Where a user authorizes an instance anew, by what is stored of its client.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use oc_config::InstanceSettings;
use oc_oauth::Authorization;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::caller::Aimed;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::elements::{OAuthUrl, connector, url_for};
use crate::api::error::ApiError;
use crate::api::query::Parameters;
use crate::app::App;

pub(super) fn calls() -> Calls {
    Calls::new().aimed(&Method::GET, "/oauth/url", url, || {
        let summary = "Where a user authorizes the instance again, with the client that it has";
        Call::new("instances", summary, Wants::Instance).query::<Asked>().answers::<OAuthUrl>()
    })
}

/// What goes there and back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Where the provider sends the user back to, instead of `oauth.callback.url`.
    callback_url: Option<String>,
    /// Handed back with the code; the connector's key when it is missing.
    state: Option<String>,
}

async fn url(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<OAuthUrl>, ApiError> {
    let connector = connector(&app, &instance.connector)?;
    let configuration = &instance.configuration;
    let floor = app.settings.min_refresh_interval;
    let (settings, _) = InstanceSettings::read(configuration, &connector, floor)
        .map_err(|faults| ApiError::faults(&faults))?;
    let provider = settings.oauth2.as_ref().ok_or_else(|| {
        let key = &connector.key;
        ApiError::bad_request(format!("connector `{key}` does not authorize by OAuth 2"))
    })?;
    let client = configuration.secret("oauth.api.key").ok_or_else(|| {
        ApiError::bad_request("configuration.oauth.api.key: it is missing; set it first")
    })?;
    let stored = configuration.get("oauth.callback.url");
    let redirect_uri = asked.callback_url.as_deref().or(stored).ok_or_else(|| {
        ApiError::bad_request("missing: callbackUrl, as the instance has no oauth.callback.url")
    })?;
    let authorization = Authorization {
        client_id: client.expose_secret(),
        redirect_uri,
        state: Some(asked.state.as_deref().unwrap_or(&connector.key)),
        scope: configuration.get("oauth.scope"),
    };
    url_for(&connector, provider, &authorization).map(Json)
}
