//! What was said to a token endpoint and what it answered, without the secrets.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName};
use oc_config::MASK;
use oc_egress::{Request, Response};
use serde_json::{Map, Value as Json};
use url::Url;
use url::form_urlencoded;

use crate::endpoint::without;

/// What is shown of a request; anything else may be a secret.
const SHOWN_PARAMETERS: [&str; 5] =
    ["grant_type", "redirect_uri", "scope", "context", "token_type_hint"];
/// What is shown of the texts of a good answer.
const SHOWN_MEMBERS: [&str; 9] = [
    "token_type",
    "scope",
    "expires_in",
    "created_at",
    "error",
    "error_description",
    "error_uri",
    "api_domain",
    "instance_url",
];
const SHOWN_HEADERS: [&str; 7] =
    ["accept", "content-type", "date", "retry-after", "server", "www-authenticate", "x-request-id"];

/// A recording of exchanges. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Vec<Exchange>>>);

/// One request, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its method.
    pub method: String,
    /// Where it went; values of the query are masked.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// The parameters in its body.
    pub parameters: Vec<(String, String)>,
    /// The answer, or why there was none.
    pub answer: Result<Answer, String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Transcript {
    /// What was recorded, in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, asked: Asked, answer: Result<&Response, String>) {
        let Asked { mut exchange, secrets } = asked;
        exchange.answer = answer.map(|response| Answer {
            status: response.status.as_u16(),
            headers: headers(&response.headers),
            body: body(response, &secrets),
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

/// A request that is being recorded.
pub(crate) struct Asked {
    exchange: Exchange,
    /// What the answer must not repeat.
    secrets: Vec<String>,
}

impl Asked {
    pub(crate) fn new(request: &Request) -> Self {
        let said = parameters(request);
        let is_shown = |name: &str| SHOWN_PARAMETERS.contains(&name);
        let secrets = said.iter().filter(|(name, _)| !is_shown(name));
        let secrets = secrets.map(|(_, value)| value.clone()).collect();
        let masked = |(name, value): (String, String)| {
            let value = if is_shown(&name) { value } else { MASK.to_owned() };
            (name, value)
        };
        let exchange = Exchange {
            method: request.method.to_string(),
            url: masked_url(&request.url),
            headers: headers(&request.headers),
            parameters: said.into_iter().map(masked).collect(),
            answer: Err("no answer".to_owned()),
        };
        Self { exchange, secrets }
    }
}

fn parameters(request: &Request) -> Vec<(String, String)> {
    let is_json = request.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !is_json {
        return form_urlencoded::parse(&request.body).into_owned().collect();
    }
    let members: Map<String, Json> = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |value: Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    members.into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn masked_url(url: &Url) -> String {
    let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let mut shown = url.clone();
    if !names.is_empty() {
        shown.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, MASK)));
    }
    shown.into()
}

/// Headers that may be credentials are named and masked.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |name: &HeaderName| SHOWN_HEADERS.contains(&name.as_str());
    let pair = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let text = if shown(name) { value.to_str().unwrap_or(MASK) } else { MASK };
        (name.to_string(), text.to_owned())
    };
    headers.iter().map(pair).collect()
}

/// The provider's words when it refuses; of a good answer the members, whose texts may be tokens.
fn body(response: &Response, secrets: &[String]) -> String {
    if !response.status.is_success() {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        return without(&response.body, &secrets);
    }
    let Ok(members) = serde_json::from_slice::<Map<String, Json>>(&response.body) else {
        return format!("({} bytes that are no JSON object)", response.body.len());
    };
    let masked = |(name, value): (String, Json)| {
        let is_plain = matches!(value, Json::Null | Json::Bool(_) | Json::Number(_));
        let is_shown = is_plain || (value.is_string() && SHOWN_MEMBERS.contains(&name.as_str()));
        let value = if is_shown { value } else { Json::from(MASK) };
        (name, value)
    };
    Json::Object(members.into_iter().map(masked).collect()).to_string()
}
