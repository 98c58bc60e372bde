//! The catalogue's calls that need no authorization.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use oc_oauth::{Authorization, authorization_url};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::JsonBody;
use super::calls::{Call, Calls, Wants};
use super::error::ApiError;
use super::query::Parameters;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let url = || {
        Call::new("elements", "Where a user authorizes an instance", Wants::Nothing)
            .answers::<OAuthUrl>()
            .fails(&[404])
    };
    Calls::new()
        .on(&Method::GET, "/elements/{keyOrId}/oauth/url", oauth_url, url().query::<Asked>())
        .on(
            &Method::POST,
            "/elements/{keyOrId}/oauth/url",
            oauth_url_by_post,
            url().takes::<Asked>(),
        )
}

/// The authorization url.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OAuthUrl {
    /// The provider's page, with everything it needs.
    oauth_url: String,
    /// The connector's key.
    element: String,
}

/// What the authorization url is made of (instances.md, "OAuth 2").
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    api_key: Option<String>,
    callback_url: Option<String>,
    state: Option<String>,
    scope: Option<String>,
    /// Additive: another authorization endpoint, as `oauth.authorization.url` of an instance.
    authorization_url: Option<String>,
}

async fn oauth_url(
    State(app): State<App>,
    Path(key): Path<String>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<OAuthUrl>, ApiError> {
    url_of(&app, &key, &asked)
}

async fn oauth_url_by_post(
    State(app): State<App>,
    Path(key): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<OAuthUrl>, ApiError> {
    let asked = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))?;
    url_of(&app, &key, &asked)
}

fn url_of(app: &App, key: &str, asked: &Asked) -> Result<Json<OAuthUrl>, ApiError> {
    let connector = app
        .catalogue
        .find(key)
        .ok_or_else(|| ApiError::not_found(format!("there is no connector `{key}`")))?;
    let mut provider = connector.oauth2.clone().ok_or_else(|| {
        ApiError::bad_request(format!("connector `{key}` does not authorize by OAuth 2"))
    })?;
    let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
    let missing: Vec<&str> = [("apiKey", &asked.api_key), ("callbackUrl", &asked.callback_url)]
        .into_iter()
        .filter(|(_, value)| filled(value).is_none())
        .map(|(name, _)| name)
        .collect();
    if !missing.is_empty() {
        return Err(ApiError::bad_request(format!("missing: {}", missing.join(", "))));
    }
    if let Some(url) = filled(&asked.authorization_url) {
        provider.authorize = url;
    }
    let state = filled(&asked.state).unwrap_or_else(|| connector.key.clone());
    let default_scope = connector.configuration.iter().find(|entry| entry.key == "oauth.scope");
    let scope = filled(&asked.scope).or_else(|| default_scope?.default.clone());
    let url = authorization_url(
        &provider,
        &Authorization {
            client_id: asked.api_key.as_deref().unwrap_or_default(),
            redirect_uri: asked.callback_url.as_deref().unwrap_or_default(),
            state: Some(&state),
            scope: scope.as_deref(),
        },
    )
    .map_err(|error| ApiError::bad_request(format!("authorizationUrl is no url: {error}")))?;
    Ok(Json(OAuthUrl { oauth_url: url.into(), element: connector.key.clone() }))
}
