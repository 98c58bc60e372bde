//! `cargo xtask test`: every test there is, and a clear failure where one cannot be run.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs unit, integration and documentation tests.
pub(crate) fn run() -> anyhow::Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["test", "--workspace", "--no-fail-fast"])
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "some tests failed; see above");
    Ok(())
}
