//! The server's API, as an old client calls it.

use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A client of the API.
#[derive(Clone)]
pub struct Api {
    base: String,
    user: String,
    organization: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when it is no JSON.
    pub body: Value,
    /// Its body as text.
    pub text: String,
}

impl Api {
    pub(super) fn new(url: &str, user: &str, organization: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            base: url.to_owned(),
            user: user.to_owned(),
            organization: organization.to_owned(),
            client,
        }
    }

    /// Calls as user and organization.
    ///
    /// # Errors
    /// No answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.call("GET", path, &self.platform(), None).await
    }

    /// Posts as user and organization.
    ///
    /// # Errors
    /// No answer.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.call("POST", path, &self.platform(), Some(body.to_string())).await
    }

    /// Any method as user and organization.
    ///
    /// # Errors
    /// No answer.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.call(method, path, &self.platform(), Some(body.to_string())).await
    }

    /// Deletes as user and organization.
    ///
    /// # Errors
    /// No answer.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Reply> {
        self.call("DELETE", path, &self.platform(), None).await
    }

    /// A hub call as an instance.
    ///
    /// # Errors
    /// No answer.
    pub async fn hub(&self, token: &str, path: &str) -> anyhow::Result<Reply> {
        let authorization = format!("User {}, Element {token}", self.user);
        self.call("GET", path, &authorization, None).await
    }

    /// Any method as user and organization, with a header.
    ///
    /// # Errors
    /// No answer.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        header: (&str, &str),
        body: &Value,
    ) -> anyhow::Result<Reply> {
        let platform = self.platform();
        let headers = [("authorization", platform.as_str()), header];
        self.call_with(method, path, &headers, Some(body.to_string())).await
    }

    /// Any call; paths are below `/elements/api-v2` unless they begin with `//`.
    ///
    /// # Errors
    /// No answer within a minute.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: Option<String>,
    ) -> anyhow::Result<Reply> {
        self.call_with(method, path, &[("authorization", authorization)], body).await
    }

    /// Any call with any headers; empty ones are left out.
    ///
    /// # Errors
    /// No answer within a minute.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Reply> {
        let uri = match path.strip_prefix("//") {
            Some(path) => format!("{}/{path}", self.base),
            None => format!("{}/elements/api-v2{path}", self.base),
        };
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let is_named = headers.iter().any(|(name, _)| *name == "content-type");
        if body.is_some() && !is_named {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default()))?;
        let answer = tokio::time::timeout(Duration::from_secs(60), self.client.request(request));
        let answer = answer.await.context("no answer within a minute")??;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
    }

    /// The same server, called by somebody else.
    #[must_use]
    pub fn as_caller(&self, user: &str, organization: &str) -> Self {
        let (user, organization) = (user.to_owned(), organization.to_owned());
        Self { user, organization, ..self.clone() }
    }

    /// Where the server listens.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// The `Authorization` of user and instance.
    pub fn element(&self, token: &str) -> String {
        format!("User {}, Element {token}", self.user)
    }

    /// The `Authorization` of user and organization.
    pub fn platform(&self) -> String {
        format!("User {}, Organization {}", self.user, self.organization)
    }
}
