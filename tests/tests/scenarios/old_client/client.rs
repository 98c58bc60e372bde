//! The client: what it calls, and what it expects of every answer.

use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oc_tests::salesloft::World;
use oc_tests::server::{Reply, SIGNATURE_KEY};
use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value, json};

use crate::story::{check_story, until_told};

const CALLBACK: &str = "https://app.example/callback";

/// The client, and the world around it.
pub(super) struct OldClient {
    pub(super) salesloft: Salesloft,
    pub(super) receiver: Receiver,
    pub(super) server: Server,
}

impl OldClient {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let (salesloft, receiver, server) = Server::house(Options::default()).await?;
        Ok(Self { salesloft, receiver, server })
    }

    pub(super) async fn with_instance() -> anyhow::Result<(Self, Instance)> {
        let client = Self::start().await?;
        let body = client.body(&client.consent().await?);
        let path = "/elements/salesloft/instances";
        let made = client.platform("POST", path, Some(&body), 200).await?;
        Ok((client, Instance::read(&made.body)?))
    }

    /// A call with User and Organization.
    pub(super) async fn platform(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        self.call(method, path, &self.server.api.platform(), body, status).await
    }

    /// A call with User, Organization and Element, as the documentation's hub samples have them.
    pub(super) async fn hub(
        &self,
        instance: &Instance,
        method: &str,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        let authorization = format!("{}, Element {}", self.server.api.platform(), instance.token);
        let reply = self.call(method, path, &authorization, body, status).await?;
        if status == 200 {
            let told = header(&reply, "elements-element-instance-id");
            assert_eq!(told, instance.id.to_string(), "{method} {path}");
        }
        Ok(reply)
    }

    /// Any call: every answer has its request's id, every list its length, every error its words.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
        status: u16,
    ) -> anyhow::Result<Reply> {
        let body = body.map(Value::to_string);
        let reply = self.server.api.call(method, path, authorization, body).await?;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        let request = header(&reply, "elements-request-id");
        assert!(!request.is_empty(), "{method} {path} has no Elements-Request-Id");
        if let Some(list) = reply.body.as_array() {
            let returned = header(&reply, "elements-returned-count");
            assert_eq!(returned, list.len().to_string(), "{method} {path}");
        }
        if status >= 400 {
            assert_eq!(reply.body["requestId"], request, "{method} {path}: {}", reply.text);
            assert!(reply.body["message"].as_str().is_some_and(|words| !words.is_empty()));
        }
        Ok(reply)
    }

    /// Asks for the provider's page, consents there, and tells the code that comes back.
    pub(super) async fn consent(&self) -> anyhow::Result<String> {
        let query = "apiKey=api-key&apiSecret=api-s3cret&callbackUrl=https://app.example/callback";
        let path = format!("/elements/salesloft/oauth/url?{query}");
        let asked = self.call("GET", &path, "", None, 200).await?;
        assert_eq!(asked.body["element"], "salesloft", "{}", asked.text);
        let url = asked.body["oauthUrl"].as_str().context("an oauthUrl")?;
        assert!(url.starts_with(&self.salesloft.authorize_url()) && !url.contains("s3cret"));
        let query = |name: &str, url: &url::Url| {
            let mut pairs = url.query_pairs();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let page = url::Url::parse(url)?;
        for (name, value) in [
            ("client_id", "api-key"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "salesloft"),
        ] {
            assert_eq!(query(name, &page).as_deref(), Some(value), "{name} in {url}");
        }
        let browser =
            Client::builder(TokioExecutor::new()).build_http::<Empty<axum::body::Bytes>>();
        let consented = browser.get(url.parse()?).await?;
        let back = consented.headers().get("location").context("a way back")?.to_str()?;
        let back = url::Url::parse(back)?;
        assert!(back.as_str().starts_with(CALLBACK), "{back}");
        assert_eq!(query("state", &back).as_deref(), Some("salesloft"));
        query("code", &back).context("a code")
    }

    /// The documentation's sample body, filled in. Polled every 0.2 s, as a test cannot wait for 15
    /// minutes.
    pub(super) fn body(&self, code: &str) -> Value {
        let format = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX";
        let dates = json!({
            "updatedDateField": "updated_at", "updatedDateFormat": format,
            "updatedDateTimezone": "GMT", "createdDateField": "created_at",
            "createdDateFormat": format, "createdDateTimezone": "GMT"});
        let url = "/hubs/crm/contacts?where=updated_at>='${date:yyyy-MM-dd'T'HH:mm:ssXXX}'";
        json!({
            "element": {"key": "salesloft"},
            "providerData": {"code": code},
            "configuration": {
                "oauth.callback.url": CALLBACK,
                "oauth.api.key": "api-key",
                "oauth.api.secret": "api-s3cret",
                "filter.response.nulls": "true",
                "event.vendor.type": "polling",
                "event.poller.refresh_interval": "0.0034",
                "event.notification.enabled": true,
                "event.notification.callback.url": self.receiver.url("hook"),
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.configuration":
                    {"contacts": {"url": url, "idField": "id", "datesConfiguration": dates}},
            },
            "tags": ["Docs"],
            "name": "API Instance with Polling",
        })
    }

    /// Changes a person, and waits for the signed notifications of all changes.
    pub(super) async fn hears_of_a_new_person(&self) -> anyhow::Result<String> {
        let person = self.salesloft.change(World::add_person).to_string();
        until_told(&self.receiver, &self.salesloft, 0).await?;
        check_story(&self.receiver, &self.salesloft)?;
        Ok(person)
    }

    /// Reads events until the first is as expected.
    pub(super) async fn until_event(
        &self,
        path: &str,
        enough: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let waiting = async {
            loop {
                let list = self.platform("GET", path, None, 200).await?.body;
                if enough(&list[0]) {
                    return Ok(list);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.context(path.to_owned())?
    }
}

pub(super) fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(super) fn ids(reply: &Reply) -> Vec<u64> {
    let list = reply.body.as_array().into_iter().flatten();
    list.filter_map(|record| record["id"].as_u64()).collect()
}
