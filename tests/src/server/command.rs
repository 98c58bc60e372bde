//! The program's other commands, run beside a server or instead of it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Server, process};

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// Its output, one JSON value a line.
    ///
    /// # Errors
    /// It failed, or printed something else.
    pub fn json(&self) -> anyhow::Result<Vec<Value>> {
        anyhow::ensure!(self.code == Some(0), "{self:?}");
        self.out.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

impl Server {
    /// Runs another command with this server's settings and in its folder.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        self.run_with(arguments, &[]).await
    }

    /// The same with further variables.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub async fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Ran> {
        let mut command = self.command(arguments)?;
        command.envs(variables.iter().copied());
        let ended = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
        let output = ended.context("the command does not end")??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Ok(Ran { code: output.status.code(), out, err })
    }

    /// Starts a command whose standard output is read.
    ///
    /// # Errors
    /// It does not start.
    pub fn spawn(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        Ok(self.command(arguments)?.stdout(Stdio::piped()).spawn()?)
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = process::command(self.folder.path(), &self.options)?;
        command
            .args(arguments)
            .env("OC_PUBLIC_URL", self.api.url())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}
