//! A private PostgreSQL server on a loopback port, durable as in earnest.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::guarded::{Guarded, as_user};
use super::{free_port, program, until};

const FOLDERS: &[&str] = &["/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin"];
/// PostgreSQL does not run as root: this user does it then.
const USER: &str = "nobody";

/// A running PostgreSQL, or one that was stopped. It is gone when it is dropped.
pub struct Postgres {
    // Before the folder, so that it ends before its files are removed.
    process: Mutex<Option<Guarded>>,
    folder: TempDir,
    user: Option<&'static str>,
    port: u16,
    more: &'static [&'static str],
    databases: AtomicUsize,
}

impl Postgres {
    /// Makes an empty cluster and starts it.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// One that counts what is asked of it, in the view of its extension `pg_stat_statements`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn counting() -> anyhow::Result<Self> {
        Self::start_with(&["-c", "shared_preload_libraries=pg_stat_statements"]).await
    }

    async fn start_with(more: &'static [&'static str]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let user = rustix::process::geteuid().is_root().then_some(USER);
        if let Some(user) = user {
            std::os::unix::fs::chown(folder.path(), Some(id_of(user)?), None)?;
        }
        let data = folder.path().join("data");
        let mut command = as_user(user, program("initdb", FOLDERS)?);
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        // Only for making it; the server itself writes as durably as by default.
        command.args(["--no-sync", "--pgdata"]).arg(&data);
        run("initdb", command).await?;
        let (port, databases) = (free_port()?, AtomicUsize::new(0));
        let postgres = Self { process: Mutex::new(None), folder, user, port, more, databases };
        postgres.start_again().await?;
        Ok(postgres)
    }

    /// The one that this test binary shares, for as long as a test has it.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn shared() -> anyhow::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(Self::start().await?);
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// Makes an empty database and gives its url.
    ///
    /// # Errors
    /// The server does not run.
    pub async fn database(&self) -> anyhow::Result<String> {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query(&self.url("postgres"), &format!("CREATE DATABASE {name}")).await?;
        Ok(self.url(&name))
    }

    /// Carries out SQL in a database by `psql`: what it answers, a row a line, columns apart by `|`.
    ///
    /// # Errors
    /// The server does not run, or refuses.
    pub async fn query(&self, url: &str, sql: &str) -> anyhow::Result<String> {
        let mut command = Command::new(program("psql", FOLDERS)?);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set=ON_ERROR_STOP=1", "--dbname", url, "--command", sql]);
        let output = run("psql", command).await?;
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// Stops it as an operator would: connections end, what is committed stays.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.end(Signal::INT).await
    }

    /// Ends it without any warning, as by a loss of power: it recovers at its next start.
    ///
    /// # Errors
    /// It does not run.
    pub async fn crash(&self) -> anyhow::Result<()> {
        self.end(Signal::QUIT).await
    }

    /// Starts it on the same data and port.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        let (here, data) = (self.folder.path(), self.folder.path().join("data"));
        let port = self.port.to_string();
        let words = [Path::new("-D"), &data, Path::new("-k"), here, Path::new("-p"), port.as_ref()];
        let more = ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"];
        let words = words.into_iter().chain(more.iter().chain(self.more).map(Path::new));
        let program = program("postgres", FOLDERS)?;
        let mut process = Guarded::start(self.user, &here.join("log"), &program, words)?;
        let is_ready = self::program("pg_isready", FOLDERS)?;
        until("the start of PostgreSQL", async || {
            process.check()?;
            let mut command = Command::new(&is_ready);
            command.args(["--quiet", "--host=127.0.0.1", "--port", &port]);
            Ok(run("pg_isready", command).await.is_ok())
        })
        .await?;
        *self.process.lock().await = Some(process);
        Ok(())
    }

    /// The url of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Where its Unix socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    async fn end(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.lock().await.take();
        process.context("PostgreSQL does not run")?.end(signal).await
    }
}

fn id_of(user: &str) -> anyhow::Result<u32> {
    let output = Command::new("id").args(["-u", user]).output()?;
    let id = String::from_utf8(output.stdout)?;
    id.trim().parse().with_context(|| format!("there is no user {user}"))
}

/// Runs a program to its end, off the runtime's threads.
async fn run(what: &str, mut command: Command) -> anyhow::Result<Output> {
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await?;
    let output = output.with_context(|| format!("{what} cannot be started"))?;
    ensure!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}
