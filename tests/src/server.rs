//! The real binary, started, killed and spoken to.

mod api;
mod command;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Receiver, Salesloft};
pub use api::{Api, Reply};
pub use command::Ran;
use process::Process;

/// The secret of the first user, which the harness sets.
pub const USER: &str = "user-s3cret";
/// The secret of the first organization.
pub const ORGANIZATION: &str = "organization-s3cret";
/// The key that notifications are signed with.
pub const SIGNATURE_KEY: &str = "signature-s3cret";
/// The secret key of servers on PostgreSQL, who do not make one: 32 bytes as base64.
pub const POSTGRES_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Points a window in the connector's definition; the real limit would slow the tests down.
    pub points: u32,
    /// The window, in seconds.
    pub window: u32,
    /// Which parts run.
    pub role: String,
    /// Further variables.
    pub variables: Vec<(String, String)>,
    /// The settings file, where there is to be one.
    pub file: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            points: 10_000_000,
            window: 60,
            role: "api,poll,dispatch".to_owned(),
            variables: Vec::new(),
            file: None,
        }
    }
}

impl Options {
    /// With only some parts running.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.role);
        self
    }

    /// With a settings file.
    #[must_use]
    pub fn file(mut self, text: &str) -> Self {
        self.file = Some(text.to_owned());
        self
    }

    /// On a PostgreSQL database, with a key that all servers on it share.
    #[must_use]
    pub fn on_postgres(self, url: &str) -> Self {
        self.with("OC_DATABASE_URL", url).with("OC_SECRET_KEY", POSTGRES_KEY)
    }

    /// With a further variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A server in a folder of its own.
pub struct Server {
    folder: Arc<TempDir>,
    options: Options,
    process: Process,
    /// What can be asked of it.
    pub api: Api,
}

/// An instance that was created.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its number.
    pub id: i64,
    /// Its token.
    pub token: String,
    /// The whole answer.
    pub answer: Value,
}

impl Server {
    /// Starts on a new database; its Salesloft connector points at the simulator.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(salesloft: &Salesloft, options: Options) -> anyhow::Result<Self> {
        let folder = Arc::new(TempDir::new()?);
        salesloft.with(|provider| {
            provider.limit.points = options.points;
            provider.limit.window = i64::from(options.window) * 1_000_000;
        });
        let connectors = folder.path().join("connectors");
        std::fs::create_dir(&connectors)?;
        std::fs::write(connectors.join("salesloft.toml"), definition(salesloft, &options)?)?;
        if let Some(text) = &options.file {
            std::fs::write(folder.path().join("oc.toml"), text)?;
        }
        let (process, url) = Process::start(folder.path(), &options).await?;
        let api = Api::new(&url, USER, ORGANIZATION);
        Ok(Self { folder, options, process, api })
    }

    /// SIGKILL, without any warning.
    ///
    /// # Errors
    /// It had ended by itself.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// SIGTERM; tells the exit code and how it went.
    ///
    /// # Errors
    /// It does not end within 15 seconds.
    pub async fn terminate(&mut self) -> anyhow::Result<Option<i32>> {
        self.process.terminate().await
    }

    /// Waits until it ends by itself; tells the exit code.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub async fn ended(&mut self) -> anyhow::Result<Option<i32>> {
        self.process.ended().await
    }

    /// Stops its process where it is, as a machine that is suspended does.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets it go on after a pause.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Starts it again on the same database.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let (process, url) = Process::start(self.folder.path(), &self.options).await?;
        self.process = process;
        self.api = Api::new(&url, USER, ORGANIZATION);
        Ok(())
    }

    /// Starts it again, and sends SIGTERM as soon as `when` is over, before it listens; tells the exit
    /// code.
    ///
    /// # Errors
    /// It cannot be started, or does not end within 15 seconds.
    pub async fn terminate_at_start(
        &mut self,
        when: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Option<i32>> {
        (self.process, _) = Process::spawn(self.folder.path(), &self.options)?;
        when.await?;
        self.process.terminate().await
    }

    /// Which parts run after the next start.
    pub fn set_role(&mut self, role: &str) {
        role.clone_into(&mut self.options.role);
    }

    /// A further variable after the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.options.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Everything it has logged since it was last started.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Where its database is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Creates an instance whose notifications go to `callback`, polled every 0.2 s.
    ///
    /// # Errors
    /// It was refused.
    pub async fn create(
        &self,
        salesloft: &Salesloft,
        callback: &str,
        changes: &Value,
    ) -> anyhow::Result<Instance> {
        let reply = self.api.post("/instances", &body(salesloft, callback, changes)).await?;
        anyhow::ensure!(reply.status == 200, "{}: {}", reply.status, reply.body);
        Instance::read(&reply.body)
    }

    /// A simulator, a receiver that checks signatures, and a server.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn house(options: Options) -> anyhow::Result<(Salesloft, Receiver, Self)> {
        let (salesloft, receiver) = (Salesloft::start().await?, Receiver::start().await?);
        receiver.expect_key(SIGNATURE_KEY);
        let server = Self::start(&salesloft, options).await?;
        Ok((salesloft, receiver, server))
    }
}

impl Instance {
    /// From the answer of a creation.
    ///
    /// # Errors
    /// It lacks what every answer has.
    pub fn read(answer: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            id: answer["id"].as_i64().context("the answer has no id")?,
            token: answer["token"].as_str().context("the answer has no token")?.to_owned(),
            answer: answer.clone(),
        })
    }
}

/// The documented body, with this simulator's code.
pub fn body(salesloft: &Salesloft, callback: &str, changes: &Value) -> Value {
    let mut configuration = json!({
        "oauth.callback.url": "https://app.example/callback",
        "oauth.api.key": "api-key",
        "oauth.api.secret": "api-s3cret",
        "event.notification.enabled": true,
        "event.vendor.type": "polling",
        "event.notification.callback.url": callback,
        "event.notification.signature.key": SIGNATURE_KEY,
        "event.poller.refresh_interval": "0.0034",
        "base.url": salesloft.api(),
        "oauth.token.url": salesloft.token_url(),
        "oauth.authorization.url": salesloft.authorize_url(),
    });
    for (key, value) in changes.as_object().into_iter().flatten() {
        configuration[key] = value.clone();
    }
    json!({
        "element": {"key": "salesloft"},
        "providerData": {"code": salesloft.code()},
        "configuration": configuration,
        "tags": ["Docs"],
        "name": "API Instance with Polling",
    })
}

/// The shipped definition, pointed at the simulator and with another limit.
fn definition(salesloft: &Salesloft, options: &Options) -> anyhow::Result<String> {
    let shipped = root().join("crates/oc-config/connectors/salesloft.toml");
    let text = std::fs::read_to_string(&shipped).with_context(|| shipped.display().to_string())?;
    let lines = text.lines().map(|line| {
        let (key, _) = line.split_once('=').unwrap_or((line, ""));
        match key.trim() {
            "authorize" => format!("authorize = \"{}\"", salesloft.authorize_url()),
            "token" => format!("token = \"{}\"", salesloft.token_url()),
            "base" => format!("base = \"{}\"", salesloft.api()),
            "points" => format!("points = {}", options.points),
            "every" => format!("every = {}", options.window),
            _ => line.to_owned(),
        }
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
