//! A provider, a receiver, a server, and a browser in front of it.

use std::time::Duration;

use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::{Value as Json, json};

use crate::browser::Browser;

pub(crate) struct House {
    pub(crate) browser: Browser,
    pub(crate) salesloft: Salesloft,
    pub(crate) receiver: Receiver,
    pub(crate) server: Server,
}

impl House {
    /// Nobody is signed in.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> anyhow::Result<Self> {
        let (salesloft, receiver, server) = Server::house(options).await?;
        let browser = Browser::open(server.api.url()).await?;
        Ok(Self { browser, salesloft, receiver, server })
    }

    /// The first user is signed in.
    pub(crate) async fn signed_in() -> anyhow::Result<Self> {
        let house = Self::new().await?;
        house.browser.sign_in().await?;
        Ok(house)
    }

    /// An instance of this name, made by the API.
    pub(crate) async fn instance(&self, name: &str, tags: &Json) -> anyhow::Result<Instance> {
        self.instance_with(name, tags, &json!({})).await
    }

    /// The same, configured in another way than usually.
    pub(crate) async fn instance_with(
        &self,
        name: &str,
        tags: &Json,
        changes: &Json,
    ) -> anyhow::Result<Instance> {
        let hook = self.receiver.url("hook");
        let mut body = oc_tests::server::body(&self.salesloft, &hook, changes);
        body["name"] = json!(name);
        body["tags"] = tags.clone();
        let reply = self.server.api.post("/instances", &body).await?;
        anyhow::ensure!(reply.status == 200, "{}", reply.body);
        Instance::read(&reply.body)
    }

    /// An instance whose updates tell what has changed.
    pub(crate) async fn telling(&self, name: &str) -> anyhow::Result<Instance> {
        self.instance_with(name, &json!([]), &telling()).await
    }

    /// Waits until so many notifications are known to have arrived.
    pub(crate) async fn until_arrived(&self, count: usize) -> anyhow::Result<()> {
        for _ in 0..600 {
            let found =
                self.server.api.get("/instances/events?status=NOTIFIED&pageSize=500").await?;
            if found.body.as_array().map(Vec::len) == Some(count) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("{count} notifications have not arrived")
    }
}

/// The configuration of an instance whose updates tell what has changed.
pub(crate) fn telling() -> Json {
    let poller = json!({"contacts": {
        "url": "/hubs/crm/contacts?where=updated_at>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'}'",
        "idField": "id", "changes": "true", "datesConfiguration": {
            "updatedDateField": "updated_at", "createdDateField": "created_at"}}});
    json!({"event.poller.configuration": poller.to_string()})
}
