//! OAuth 2 for callers who do it themselves; these calls need no authorization.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use oc_config::{Connector, OAuth2};
use oc_oauth::{Authorization, ClientCredentials, Code, TokenSet, authorization_url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::connector;
use crate::api::body::JsonBody;
use crate::api::calls::{Call, Calls, Wants};
use crate::api::error::ApiError;
use crate::api::query::Parameters;
use crate::api::token_fault::{EXCHANGED, refused};
use crate::app::App;

pub(super) fn calls() -> Calls {
    let url = || {
        Call::new("elements", "Where a user authorizes an instance", Wants::Nothing)
            .answers::<OAuthUrl>()
            .fails(&[404])
    };
    let tokens = || {
        Call::new("elements", "Exchange a code for the provider's tokens", Wants::Nothing)
            .answers::<Granted>()
            .fails(&[404, 502])
    };
    Calls::new()
        .on(&Method::GET, "/elements/{keyOrId}/oauth/url", oauth_url, url().query::<Asked>())
        .on(
            &Method::POST,
            "/elements/{keyOrId}/oauth/url",
            oauth_url_by_post,
            url().takes::<Asked>(),
        )
        .on(&Method::GET, "/elements/{keyOrId}/oauth/token", token, tokens().query::<CodeGiven>())
        .on(
            &Method::POST,
            "/elements/{keyOrId}/oauth/token",
            token_by_post,
            tokens().takes::<CodeGiven>(),
        )
}

/// The authorization url.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct OAuthUrl {
    /// The provider's page, with everything it needs.
    oauth_url: String,
    /// The connector's key.
    element: String,
}

/// What the authorization url is made of (instances.md, "OAuth 2").
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OAuthUrlRequest)]
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
    let connector = connector(app, key)?;
    let mut provider = provider(&connector)?;
    let missing = missing(&[("apiKey", &asked.api_key), ("callbackUrl", &asked.callback_url)]);
    if !missing.is_empty() {
        return Err(ApiError::bad_request(format!("missing: {}", missing.join(", "))));
    }
    if let Some(url) = filled(&asked.authorization_url) {
        provider.authorize = url;
    }
    let state = filled(&asked.state).unwrap_or_else(|| connector.key.clone());
    let default_scope = connector.configuration.iter().find(|entry| entry.key == "oauth.scope");
    let scope = filled(&asked.scope).or_else(|| default_scope?.default.clone());
    let authorization = Authorization {
        client_id: asked.api_key.as_deref().unwrap_or_default(),
        redirect_uri: asked.callback_url.as_deref().unwrap_or_default(),
        state: Some(&state),
        scope: scope.as_deref(),
    };
    url_for(&connector, &provider, &authorization).map(Json)
}

/// Where a user authorizes what is asked for.
pub(in crate::api) fn url_for(
    connector: &Connector,
    provider: &OAuth2,
    authorization: &Authorization<'_>,
) -> Result<OAuthUrl, ApiError> {
    let url = authorization_url(provider, authorization)
        .map_err(|error| ApiError::bad_request(format!("authorizationUrl is no url: {error}")))?;
    Ok(OAuthUrl { oauth_url: url.into(), element: connector.key.clone() })
}

/// What the provider's redirect brought, and the client it is for.
#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OAuthTokenRequest)]
struct CodeGiven {
    api_key: Option<String>,
    /// Missing for a public client.
    api_secret: Option<String>,
    /// That of the authorization url.
    callback_url: Option<String>,
    code: Option<String>,
    /// Some providers want it repeated.
    scope: Option<String>,
    /// Some providers want it repeated.
    context: Option<String>,
}

/// The provider's tokens, by the names they have in OAuth 2.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthTokens)]
struct Granted {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Seconds.
    expires_in: u64,
    /// Further members of the provider's answer, as text.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

async fn token(
    State(app): State<App>,
    Path(key): Path<String>,
    Parameters(given): Parameters<CodeGiven>,
) -> Result<Json<Granted>, ApiError> {
    exchange(&app, &key, given).await
}

async fn token_by_post(
    State(app): State<App>,
    Path(key): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Granted>, ApiError> {
    let given = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is not as expected: {error}")))?;
    exchange(&app, &key, given).await
}

async fn exchange(app: &App, key: &str, given: CodeGiven) -> Result<Json<Granted>, ApiError> {
    let connector = connector(app, key)?;
    let provider = provider(&connector)?;
    let missing = missing(&[("apiKey", &given.api_key), ("code", &given.code)]);
    if !missing.is_empty() {
        return Err(ApiError::bad_request(format!("missing: {}", missing.join(", "))));
    }
    let client = ClientCredentials {
        id: given.api_key.unwrap_or_default(),
        secret: filled(&given.api_secret).map(SecretString::from),
    };
    let others: Vec<(String, String)> = [("scope", given.scope), ("context", given.context)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    let code = Code {
        code: &given.code.unwrap_or_default().into(),
        redirect_uri: given.callback_url.as_deref(),
        others: &others,
    };
    let exchanged = app.endpoint.exchange(&provider, &client, &code, app.clock.now()).await;
    let (tokens, _) = exchanged.map_err(|fault| refused(fault, &EXCHANGED))?;
    Ok(Json(Granted::new(tokens)))
}

impl Granted {
    fn new(tokens: TokenSet) -> Self {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            access_token: text(&tokens.access),
            refresh_token: tokens.refresh.as_ref().map(text),
            expires_in: tokens.expires_at.since(tokens.obtained_at).as_secs(),
            others: tokens.others,
        }
    }
}

fn provider(connector: &Connector) -> Result<OAuth2, ApiError> {
    connector.oauth2.clone().ok_or_else(|| {
        let key = &connector.key;
        ApiError::bad_request(format!("connector `{key}` does not authorize by OAuth 2"))
    })
}

fn filled(value: &Option<String>) -> Option<String> {
    value.clone().filter(|text| !text.trim().is_empty())
}

/// The names of those without a value.
fn missing<'n>(named: &[(&'n str, &Option<String>)]) -> Vec<&'n str> {
    named.iter().filter(|(_, value)| filled(value).is_none()).map(|(name, _)| *name).collect()
}
