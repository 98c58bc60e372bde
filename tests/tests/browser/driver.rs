//! Debian's chromedriver: started for one test, ended with it, spoken to over HTTP.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thirtyfour::error::{WebDriverError, WebDriverResult};
use thirtyfour::session::http::{Body, HttpClient};
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long the browser may take for one thing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many chromedrivers are tried. It picks a free port of one family of addresses and ends when
/// the other one has that in use.
const PORTS: usize = 10;

/// A running chromedriver.
pub(crate) struct Driver {
    url: String,
    /// Killed when it is dropped.
    _child: Child,
}

impl Driver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut tried = 1;
        loop {
            match Self::begin().await? {
                Ok(driver) => return Ok(driver),
                Err(said) if tried < PORTS && said.contains("port not available") => tried += 1,
                Err(said) => anyhow::bail!("chromedriver ended before it listened: {said}"),
            }
        }
    }

    /// Starts one; where that ends before it listens, tells what it has said.
    async fn begin() -> anyhow::Result<Result<Self, String>> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver cannot be started; install Debian's chromium-driver")?;
        let out = child.stdout.take().context("chromedriver has no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let listening = tokio::time::timeout(PATIENCE, async {
            let mut said = String::new();
            while let Some(line) = lines.next_line().await? {
                let after = line.split("successfully on port ").nth(1);
                if let Some(port) = after.and_then(|rest| rest.trim_end_matches('.').parse().ok()) {
                    return anyhow::Ok(Ok::<u16, String>(port));
                }
                said += &line;
                said.push('\n');
            }
            Ok(Err(said))
        });
        let listening = listening.await.context("chromedriver does not begin to listen")??;
        Ok(listening.map(|port| Self { url: format!("http://127.0.0.1:{port}"), _child: child }))
    }

    /// A browser with a profile of its own, which reaches this machine and nothing else.
    pub(crate) async fn browser(&self) -> anyhow::Result<WebDriver> {
        let mut wanted = DesiredCapabilities::chrome();
        let arguments = [
            "--headless=new",
            // Chromium has no sandbox for root, as which containers run.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--window-size=1280,900",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ];
        for argument in arguments {
            wanted.add_arg(argument)?;
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::Warning)?;
        let opened = WebDriver::builder(&self.url, wanted).client(Wire::default()).connect().await;
        opened.context("the browser does not start")
    }
}

/// WebDriver's requests over the HTTP client that the house has already.
struct Wire(Client<HttpConnector, Full<Bytes>>);

impl Default for Wire {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let request = request.map(|body| match body {
            Body::Empty => Full::default(),
            Body::Json(json) => Full::from(json.to_string()),
        });
        let failed = |error: String| WebDriverError::HttpError(error);
        let exchange = async {
            let answer =
                self.0.request(request).await.map_err(|error| failed(error.to_string()))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| failed(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered.unwrap_or_else(|_| Err(failed("the browser does not answer".to_owned())))
    }

    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Self::default())
    }
}
