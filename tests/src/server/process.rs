//! The process: built when it has to be, started, and ended one way or another.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::oneshot;

use super::{ORGANIZATION, Options, USER};

pub(super) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it, and waits until it listens; tells its url as well.
    pub(super) async fn start(folder: &Path, options: &Options) -> anyhow::Result<(Self, String)> {
        let (process, address) = Self::spawn(folder, options)?;
        let address = tokio::time::timeout(Duration::from_secs(20), address).await;
        let Ok(Ok(address)) = address else {
            bail!("the server has not started:\n{}", process.log());
        };
        Ok((process, format!("http://{address}")))
    }

    /// Starts it; it tells later where it listens.
    pub(super) fn spawn(
        folder: &Path,
        options: &Options,
    ) -> anyhow::Result<(Self, oneshot::Receiver<String>)> {
        let mut command = command(folder, options)?;
        command
            .args(["serve", "--role", &options.role])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("the server cannot be started")?;
        let stderr = child.stderr.take().context("the server has no standard error")?;
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = oneshot::channel();
        tokio::spawn(follow(stderr, Arc::clone(&log), found));
        Ok((Self { child, log }, address))
    }

    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server had ended by itself with {status}:\n{}", self.log());
        }
        self.child.kill().await.context("the server cannot be killed")
    }

    pub(super) async fn terminate(&mut self) -> anyhow::Result<Option<i32>> {
        self.signal(Signal::TERM)?;
        let ended = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await;
        Ok(ended.context("the server does not end")??.code())
    }

    pub(super) async fn ended(&mut self) -> anyhow::Result<Option<i32>> {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        Ok(ended.context("the server does not end")??.code())
    }

    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().context("the server has ended already")?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
        Ok(kill_process(pid, signal)?)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The program with the settings of a server in this folder.
pub(super) fn command(folder: &Path, options: &Options) -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command
        .current_dir(folder)
        .env("OC_LISTEN", "127.0.0.1:0")
        .env("OC_DATABASE_URL", "sqlite:oc.db")
        .env("OC_USER_SECRET", USER)
        .env("OC_ORGANIZATION_SECRET", ORGANIZATION)
        .env("OC_ALLOW_NETWORKS", "127.0.0.0/8")
        .env("OC_CONNECTORS_DIR", folder.join("connectors"))
        .env("OC_MIN_REFRESH_INTERVAL", "50ms")
        .env("OC_PROVIDER_RETRY_PAUSE", "10ms")
        // Scenarios ask again and again until something has happened.
        .env("OC_API_RATE", "0")
        .env("OC_LOG", "info")
        .envs(options.variables.iter().cloned());
    Ok(command)
}

/// Keeps the log, and tells the address from the line that says it.
async fn follow(stderr: ChildStderr, log: Arc<Mutex<String>>, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // As text, or as JSON.
        let rest = line.split("address=").nth(1).or_else(|| line.split("\"address\":\"").nth(1));
        let address = rest.and_then(|rest| rest.split([' ', '"']).next());
        if line.contains("Listening")
            && let Some(found) = found.take()
        {
            // Whoever waits may have given up.
            let _ = found.send(address.unwrap_or_default().to_owned());
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}

/// The binary beside the running one, built first; or the one that `OC_SERVER_BIN` names.
pub(super) fn binary() -> anyhow::Result<PathBuf> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn build() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("OC_SERVER_BIN") {
        return Ok(PathBuf::from(given));
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut cargo = std::process::Command::new(cargo);
    // Those of the test's own package would have build scripts of dependencies run anew, each time.
    let own = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in
        own.filter(|name| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.starts_with(own)))
    {
        cargo.env_remove(name);
    }
    let status = cargo
        .args(["build", "--quiet", "--package", "oc-server", "--bin", "oc-server"])
        .current_dir(super::root())
        .status()
        .context("cargo cannot be started to build oc-server")?;
    anyhow::ensure!(status.success(), "oc-server does not build");
    let own = std::env::current_exe()?;
    let folder = own.ancestors().find(|folder| folder.join("oc-server").is_file());
    Ok(folder.context("oc-server was built elsewhere; name it in OC_SERVER_BIN")?.join("oc-server"))
}
