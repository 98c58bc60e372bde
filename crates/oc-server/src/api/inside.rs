//! The API from within: the web page calls it as any client does, only without a connection.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Request, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tower_service::Service as _;

use super::remote::Remote;

/// The largest answer that is read; lists are asked for page by page.
const LARGEST: usize = 32 << 20;

/// The whole API, with its limits and checks.
#[derive(Clone)]
pub(crate) struct Inside(Router);

/// The API as somebody calls it.
#[derive(Clone)]
pub(crate) struct InsideCaller {
    router: Router,
    authorization: HeaderValue,
    /// Where the request comes from that is being answered.
    remote: Option<Remote>,
}

/// A success.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

/// A failure, in the API's own words.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// The provider's words, when it said some.
    pub(crate) provider_message: Option<String>,
    /// What finds the failure in the log.
    pub(crate) request_id: String,
}

impl Inside {
    pub(super) fn new(api: Router) -> Self {
        Self(api)
    }

    /// Calls with the secrets of a user and an organization, for the request with these extensions.
    /// `None` for secrets that no header can carry.
    pub(crate) fn caller(
        &self,
        (user, organization): (&SecretString, &SecretString),
        extensions: &Extensions,
    ) -> Option<InsideCaller> {
        let (user, organization) = (user.expose_secret(), organization.expose_secret());
        let fits = |secret: &str| !secret.is_empty() && !secret.contains([',', ' ']);
        if !fits(user) || !fits(organization) {
            return None;
        }
        let text = format!("User {user}, Organization {organization}");
        let mut authorization = HeaderValue::try_from(text).ok()?;
        authorization.set_sensitive(true);
        let remote = extensions.get().copied();
        Some(InsideCaller { router: self.0.clone(), authorization, remote })
    }
}

impl InsideCaller {
    /// Reads something; the path is below the API's prefix.
    pub(crate) async fn get(&self, path: &str) -> Result<Answered, Refused> {
        self.call(Method::GET, path, None).await
    }

    /// Reads something into a type.
    pub(crate) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        self.get(path).await?.into()
    }

    /// Any call, with a JSON body where there is one.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Answered, Refused> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", super::PREFIX))
            .header(AUTHORIZATION, self.authorization.clone());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).map_err(|error| Refused::faulty(&error))?;
        if let Some(remote) = self.remote {
            request.extensions_mut().insert(remote);
        }
        // A router fails for nobody.
        let Ok(response) = self.router.clone().call(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, LARGEST).await.map_err(|error| Refused::faulty(&error))?;
        if parts.status.is_success() {
            Ok(Answered { headers: parts.headers, body })
        } else {
            let body: Json = serde_json::from_slice(&body).unwrap_or_default();
            Err(Refused::read(parts.status, &body))
        }
    }
}

/// Read from the bytes themselves, so that a `RawValue` in the type has what the provider wrote.
impl<T: DeserializeOwned> From<Answered> for Result<T, Refused> {
    fn from(answered: Answered) -> Self {
        serde_json::from_slice(&answered.body).map_err(|error| Refused::faulty(&error))
    }
}

impl Answered {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Refused {
    fn read(status: StatusCode, body: &Json) -> Self {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            status,
            message: text("message").unwrap_or_else(|| "it does not say why".to_owned()),
            provider_message: text("providerMessage"),
            request_id: text("requestId").unwrap_or_default(),
        }
    }

    /// What the page refuses before it asks the API.
    pub(crate) fn of_page(message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.to_owned(),
            provider_message: None,
            request_id: String::new(),
        }
    }

    /// A fault of the program itself.
    fn faulty(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "The web page cannot call the API");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "the page could not be made; the operator's log says why".to_owned(),
            provider_message: None,
            request_id: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use serde_json::value::RawValue;

    use super::*;

    #[tokio::test]
    async fn values_come_as_they_were_written() {
        let answer = || async { r#"[1.50, 12345678901234567890123, {"b":1,"a":-0.0}]"# };
        let router = Router::new().route(&format!("{}/values", super::super::PREFIX), get(answer));
        let secret = SecretString::from("s3cret");
        let caller = Inside::new(router).caller((&secret, &secret), &Extensions::new()).unwrap();
        let values: Vec<Box<RawValue>> = caller.read("/values").await.unwrap();
        let texts: Vec<&str> = values.iter().map(|value| value.get()).collect();
        assert_eq!(texts, ["1.50", "12345678901234567890123", r#"{"b":1,"a":-0.0}"#]);
    }
}
