//! A provider, a receiver, a server, and a browser in front of it.

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
        // The provider sends users back to the public url, which is that of a port known before.
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let options = options.with("OC_LISTEN", &free);
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
        let mut body =
            oc_tests::server::body(&self.salesloft, &self.receiver.url("/hook"), &json!({}));
        body["name"] = json!(name);
        body["tags"] = tags.clone();
        let reply = self.server.api.post("/instances", &body).await?;
        anyhow::ensure!(reply.status == 200, "{}", reply.body);
        Instance::read(&reply.body)
    }
}
