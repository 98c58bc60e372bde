//! The API of a running server, as the commands call it: the database belongs to the server alone.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http::header::{AUTHORIZATION, HeaderValue};
use ipnet::IpNet;
use oc_egress::{Egress, Limits, Overflow, Policy, Redirects, Request};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use url::{Host, Url};

use crate::settings::Settings;

const LIMITS: Limits =
    Limits { total: Duration::from_secs(60), body: 64 << 20, overflow: Overflow::Fail };

/// A client with the secrets of a user and their organization.
pub(crate) struct OwnApi {
    egress: Egress,
    base: Url,
    authorization: HeaderValue,
}

/// What was answered.
pub(crate) struct Answer {
    /// The body; null when there is none.
    pub(crate) body: Json,
    /// `Elements-Next-Page-Token`.
    pub(crate) next_page: Option<String>,
}

impl OwnApi {
    /// A client of the server at `server`, or else where the settings say that one is.
    pub(crate) fn new(server: Option<&Url>, settings: &Settings) -> anyhow::Result<Self> {
        let (user, organization) = (&settings.user_secret, &settings.organization_secret);
        let (Some(user), Some(organization)) = (user, organization) else {
            bail!("set OC_USER_SECRET and OC_ORGANIZATION_SECRET to the secrets of a user");
        };
        // Whoever types a command may reach what their machine reaches.
        let everything: [IpNet; 2] = ["0.0.0.0/0".parse()?, "::/0".parse()?];
        let policy = Policy::allowing(everything.to_vec(), Vec::new());
        let egress = Egress::new(policy, concat!("oc-server/", env!("CARGO_PKG_VERSION")))?;
        let mut base = server.unwrap_or(&settings.public_url).clone();
        connectable(&mut base);
        Ok(Self { egress, base, authorization: authorization(user, organization)? })
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.call(Request::get(self.url(path, query))).await
    }

    /// Has something done.
    pub(crate) async fn post(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.call(Request::post(self.url(path, query), bytes::Bytes::new())).await
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/elements/api-v2{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn call(&self, mut request: Request) -> anyhow::Result<Answer> {
        // The secrets are for this server and no other.
        request.redirects = Redirects::Never;
        request.headers.insert(AUTHORIZATION, self.authorization.clone());
        let base = &self.base;
        let response = self.egress.exchange(request, LIMITS).await.with_context(|| {
            format!("no server answers at {base}; start one with `oc-server serve`, or name it with --server")
        })?;
        let body: Json = serde_json::from_slice(&response.body).unwrap_or_default();
        if !response.status.is_success() {
            let message = body["message"].as_str().unwrap_or("it does not say why");
            bail!("{base} answered {}: {message}", response.status.as_u16());
        }
        let next = response.headers.get("elements-next-page-token");
        let next_page = next.and_then(|token| token.to_str().ok()).map(str::to_owned);
        Ok(Answer { body, next_page })
    }
}

fn authorization(user: &SecretString, organization: &SecretString) -> anyhow::Result<HeaderValue> {
    let (user, organization) = (user.expose_secret(), organization.expose_secret());
    let text = format!("User {user}, Organization {organization}");
    let mut value = HeaderValue::try_from(text).context("a secret is no header value")?;
    value.set_sensitive(true);
    Ok(value)
}

/// A server that listens everywhere is reached here.
fn connectable(url: &mut Url) {
    let local = match url.host() {
        Some(Host::Ipv4(address)) if address.is_unspecified() => "127.0.0.1",
        Some(Host::Ipv6(address)) if address.is_unspecified() => "[::1]",
        _ => return,
    };
    // An http url takes any host.
    let _ = url.set_host(Some(local));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_here() {
        let reached = |text: &str| {
            let mut url = Url::parse(text).unwrap();
            connectable(&mut url);
            url.to_string()
        };
        assert_eq!(reached("http://0.0.0.0:8080"), "http://127.0.0.1:8080/");
        assert_eq!(reached("http://[::]:8080"), "http://[::1]:8080/");
        assert_eq!(reached("https://oc.example/x"), "https://oc.example/x");
    }
}
