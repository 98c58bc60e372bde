//! Commands that talk to the running server.

use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};

use super::process::binary;
use super::{ORGANIZATION, Server, USER};

impl Server {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let output = self.prepared(arguments)?.output();
        let output = tokio::time::timeout(Duration::from_secs(60), output).await;
        Ok(output.context("the command does not end")??)
    }

    /// Starts a command whose standard output is read.
    ///
    /// # Errors
    /// It does not start.
    pub fn spawn(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        Ok(self.prepared(arguments)?.stdout(Stdio::piped()).spawn()?)
    }

    fn prepared(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("OC_PUBLIC_URL", self.api.url())
            .env("OC_USER_SECRET", USER)
            .env("OC_ORGANIZATION_SECRET", ORGANIZATION)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}
