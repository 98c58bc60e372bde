//! OAuth 2 as this provider does it: single-use codes and refresh tokens, and expiry.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::{Fault, Shared, lock};

/// Clients, codes and tokens.
pub struct Accounts {
    /// How long an access token lives, in seconds.
    pub lifetime: i64,
    /// Refreshes that were granted.
    pub refreshes: u32,
    /// Requests with a refresh token that had been used before.
    pub reused: u32,
    /// Id and secret of the client that asked last.
    pub client: (String, String),
    /// The only secret that is taken from a client, when there is one.
    pub secret: Option<String>,
    /// What is said of a user who does not consent.
    pub denial: String,
    codes: HashMap<String, String>,
    access: HashMap<String, i64>,
    refresh: HashMap<String, bool>,
    issued: u64,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            lifetime: 7_200,
            refreshes: 0,
            reused: 0,
            client: Default::default(),
            secret: None,
            denial: "The resource owner denied the request".to_owned(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            issued: 0,
        }
    }
}

impl Accounts {
    /// A new code for a client.
    pub fn code(&mut self, client: &str) -> String {
        let code = self.token("code");
        self.codes.insert(code.clone(), client.to_owned());
        code
    }

    /// Takes a text for a code.
    pub fn accept(&mut self, code: &str) {
        self.codes.insert(code.to_owned(), String::new());
    }

    /// Ends all access tokens at once.
    pub fn expire_all(&mut self) {
        self.access.clear();
    }

    /// Ends all refresh tokens: users have to authorize again.
    pub fn revoke_all(&mut self) {
        self.refresh.clear();
        self.access.clear();
    }

    /// A pair as a code gives one: access token, refresh token, and seconds to live.
    pub fn issue(&mut self, now: i64) -> (String, String, u64) {
        let granted = self.grant(now);
        let text = |name: &str| granted[name].as_str().unwrap_or_default().to_owned();
        (text("access_token"), text("refresh_token"), self.lifetime.unsigned_abs())
    }

    pub(super) fn is_valid(&self, token: &str, now: i64) -> bool {
        self.access.get(token).is_some_and(|until| *until > now) || token.starts_with("v2_ak_")
    }

    fn token(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{:016x}{:016x}", rand::random::<u64>(), self.issued)
    }

    fn grant(&mut self, now: i64) -> Value {
        let (access, refresh) = (self.token("access"), self.token("refresh"));
        self.access.insert(access.clone(), now + self.lifetime * 1_000_000);
        self.refresh.insert(refresh.clone(), true);
        json!({"access_token": access, "token_type": "bearer", "expires_in": self.lifetime,
            "refresh_token": refresh, "scope": "all", "created_at": now / 1_000_000})
    }

    fn exchange(&mut self, asked: &HashMap<String, String>, now: i64) -> Option<Value> {
        let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        self.client = (get("client_id").to_owned(), get("client_secret").to_owned());
        match get("grant_type") {
            "authorization_code" => {
                self.codes.remove(get("code"))?;
                Some(self.grant(now))
            }
            "refresh_token" => {
                let good = self.refresh.get_mut(get("refresh_token"))?;
                if !std::mem::replace(good, false) {
                    self.reused += 1;
                    return None;
                }
                self.refreshes += 1;
                Some(self.grant(now))
            }
            _ => None,
        }
    }
}

/// The consent page. A person decides there; whoever is no browser consents at once.
pub(super) async fn authorize(
    State(provider): State<Shared>,
    headers: HeaderMap,
    uri: axum::http::Uri,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let Ok(mut back) = url::Url::parse(get("redirect_uri")) else {
        return super::error(StatusCode::BAD_REQUEST, "redirect_uri is missing");
    };
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_browser = accepted.is_some_and(|kinds| kinds.contains("text/html"));
    match get("decision") {
        "" if is_browser => return decision(&uri),
        "deny" => {
            let denial = lock(&provider).accounts.denial.clone();
            back.query_pairs_mut()
                .append_pair("error", "access_denied")
                .append_pair("error_description", &denial);
        }
        _ => {
            let code = lock(&provider).accounts.code(get("client_id"));
            back.query_pairs_mut().append_pair("code", &code).append_pair("scope", "all");
        }
    }
    back.query_pairs_mut().append_pair("state", get("state"));
    Redirect::to(back.as_str()).into_response()
}

/// What a person is asked.
fn decision(uri: &axum::http::Uri) -> Response {
    let query = uri.query().unwrap_or_default().replace('&', "&amp;").replace('"', "%22");
    Html(format!(
        "<!doctype html><title>Salesloft</title><h1>Let the application in?</h1>\
         <p><a href=\"?{query}&amp;decision=allow\">Allow</a> <a href=\"?{query}&amp;decision=deny\">Deny</a>"
    ))
    .into_response()
}

/// The token endpoint; takes forms and JSON.
pub(super) async fn token(
    State(provider): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let asked: HashMap<String, String> = if kind.is_some_and(|kind| kind.contains("json")) {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        url::form_urlencoded::parse(&body).into_owned().collect()
    };
    let (fault, pause) = {
        let mut provider = lock(&provider);
        provider.token_requests += 1;
        (provider.token_faults.pop_front().unwrap_or(Fault::None), provider.token_pause)
    };
    tokio::time::sleep(pause).await;
    if let Fault::Status(_) | Fault::Hang = fault {
        return fault.apply(StatusCode::OK.into_response()).await;
    }
    let is_known = {
        let expected = lock(&provider).accounts.secret.clone();
        expected.is_none_or(|secret| asked.get("client_secret") == Some(&secret))
    };
    if !is_known {
        let words = "Client authentication failed due to unknown client";
        let body = json!({"error": "invalid_client", "error_description": words});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let granted = {
        let mut provider = lock(&provider);
        let now = provider.now();
        provider.accounts.exchange(&asked, now)
    };
    let response = match granted {
        Some(tokens) => Json(tokens).into_response(),
        None => {
            let words = "The provided authorization grant is invalid, expired or revoked";
            let body = json!({"error": "invalid_grant", "error_description": words});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    };
    fault.apply(response).await
}
