//! A private NATS server on loopback ports, alone or as a cluster, with or without JetStream.

use anyhow::Context as _;
use axum::body::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::guarded::Guarded;
use super::{free_port, program, until};

const FOLDERS: &[&str] = &["/usr/sbin", "/usr/bin", "/usr/local/bin"];

/// Running NATS servers, some of which may be stopped. They are gone when this is dropped.
pub struct Nats {
    // Before the folder, so that they end before their files are removed.
    nodes: Vec<Node>,
    folder: TempDir,
    /// What all nodes are started with besides their own.
    words: Vec<String>,
    jetstream: bool,
    client: Client<HttpConnector, Empty<Bytes>>,
}

struct Node {
    name: String,
    process: Mutex<Option<Guarded>>,
    port: u16,
    route: u16,
    monitor: u16,
}

impl Nats {
    /// One server without JetStream.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn core() -> anyhow::Result<Self> {
        Self::start(1, false, &[]).await
    }

    /// One server with JetStream.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn jetstream() -> anyhow::Result<Self> {
        Self::start(1, true, &[]).await
    }

    /// One server with JetStream that lets in who knows the password, over TLS alone; the files have
    /// its certificate, for 127.0.0.1, and the key of that.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn guarded(
        (user, password): (&str, &str),
        (certificate, key): (&str, &str),
    ) -> anyhow::Result<Self> {
        let words = ["--user", user, "--pass", password, "--tls", "--tlscert", certificate];
        Self::start(1, true, &[&words[..], &["--tlskey", key]].concat()).await
    }

    /// A cluster with JetStream, whose streams may have as many replicas as it has nodes.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn cluster(nodes: usize) -> anyhow::Result<Self> {
        Self::start(nodes, true, &[]).await
    }

    /// The urls of all nodes, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<String> = (0..self.nodes.len()).map(|node| self.node_url(node)).collect();
        urls.join(",")
    }

    /// The url of one node.
    pub fn node_url(&self, node: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[node].port)
    }

    /// Ends a node by SIGKILL.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&self, node: usize) -> anyhow::Result<()> {
        let process = self.nodes[node].process.lock().await.take();
        process.context("the node does not run")?.end(Signal::KILL).await
    }

    /// Starts a node on the same data and ports, and waits until it is part of the cluster.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_again(&self, node: usize) -> anyhow::Result<()> {
        self.launch(node).await?;
        self.until_healthy(node).await
    }

    /// The same for nodes that have no majority without each other.
    ///
    /// # Errors
    /// One does not start.
    pub async fn start_both_again(&self, nodes: [usize; 2]) -> anyhow::Result<()> {
        for node in nodes {
            self.launch(node).await?;
        }
        for node in nodes {
            self.until_healthy(node).await?;
        }
        Ok(())
    }

    async fn start(nodes: usize, jetstream: bool, words: &[&str]) -> anyhow::Result<Self> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let nodes: anyhow::Result<Vec<Node>> = (0..nodes).map(Node::new).collect();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let nats = Self { nodes: nodes?, folder: TempDir::new()?, words, jetstream, client };
        for node in 0..nats.nodes.len() {
            nats.launch(node).await?;
        }
        for node in 0..nats.nodes.len() {
            nats.until_healthy(node).await?;
        }
        Ok(nats)
    }

    async fn launch(&self, number: usize) -> anyhow::Result<()> {
        let node = &self.nodes[number];
        let here = self.folder.path();
        let mut words = node.words();
        words.extend(self.words.iter().cloned());
        if self.jetstream {
            let store = here.join(&node.name).display().to_string();
            words.extend(["--jetstream".to_owned(), "--store_dir".to_owned(), store]);
        }
        if self.nodes.len() > 1 {
            words.extend(self.routes(node));
        }
        let log = here.join(format!("{}.log", node.name));
        let process = Guarded::start(None, &log, &program("nats-server", FOLDERS)?, words)?;
        *node.process.lock().await = Some(process);
        Ok(())
    }

    fn routes(&self, node: &Node) -> Vec<String> {
        let routes: Vec<String> = self.nodes.iter().map(Node::route).collect();
        ["--cluster_name", "test", "--cluster", &node.route(), "--routes", &routes.join(",")]
            .map(str::to_owned)
            .to_vec()
    }

    /// Healthy is one that takes connections and, with JetStream, knows the cluster's leader.
    async fn until_healthy(&self, number: usize) -> anyhow::Result<()> {
        let node = &self.nodes[number];
        let url: axum::http::Uri = format!("http://127.0.0.1:{}/healthz", node.monitor).parse()?;
        until("the start of NATS", async || {
            let mut process = node.process.lock().await;
            process.as_mut().context("the node does not run")?.check()?;
            let answer = self.client.get(url.clone()).await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()))
        })
        .await
    }
}

impl Node {
    fn new(number: usize) -> anyhow::Result<Self> {
        Ok(Self {
            name: format!("node{number}"),
            process: Mutex::new(None),
            port: free_port()?,
            route: free_port()?,
            monitor: free_port()?,
        })
    }

    fn words(&self) -> Vec<String> {
        let (port, monitor) = (self.port.to_string(), self.monitor.to_string());
        ["--addr", "127.0.0.1", "--port", &port, "--http_port", &monitor, "--name", &self.name]
            .map(str::to_owned)
            .to_vec()
    }

    fn route(&self) -> String {
        format!("nats://127.0.0.1:{}", self.route)
    }
}
