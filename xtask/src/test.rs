//! `cargo xtask test`: every test there is, and a clear failure where one cannot be run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs unit, integration and documentation tests.
pub(crate) fn run() -> anyhow::Result<()> {
    eprintln!(
        "The tests need cargo, Python, PostgreSQL, NATS, libfaketime, Node and Chromium: SQLite is compiled \
         in, provider and receiver are simulated, and the API's fuzzer comes from PyPI"
    );
    crate::packages::require(crate::packages::FOR_TESTS)?;
    crate::tidy::run()?;
    // The scenarios run the real binary.
    run_cargo(&["build", "--quiet", "--package", "oc-server", "--bin", "oc-server"])
        .context("oc-server does not build")?;
    crate::fuzz_api::run()?;
    run_cargo(&["test", "--workspace", "--no-fail-fast"]).context("some tests failed; see above")
}

/// Plays the siege of the scenarios with so many changes.
pub(crate) fn siege(changes: usize, seed: Option<u64>) -> anyhow::Result<()> {
    crate::packages::require(crate::packages::FOR_TESTS)?;
    let mut cargo = Command::new(crate::cargo());
    cargo.args(["test", "--package", "oc-tests", "--test", "scenarios", "siege", "--"]);
    cargo.arg("--nocapture").env("OC_SIEGE_CHANGES", changes.to_string());
    if let Some(seed) = seed {
        cargo.env("OC_SIEGE_SEED", seed.to_string());
    }
    let status = cargo.status().context("cargo could not be started")?;
    ensure!(status.success(), "the siege was lost; its seed stands above");
    Ok(())
}

fn run_cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run_cargo_with(arguments, &[])
}

/// Runs cargo with further variables.
pub(crate) fn run_cargo_with(
    arguments: &[&str],
    variables: &[(&str, &Path)],
) -> anyhow::Result<()> {
    let mut cargo = Command::new(crate::cargo());
    let status = cargo.args(arguments).envs(variables.iter().copied()).status();
    let status = status.context("cargo could not be started")?;
    ensure!(status.success(), "cargo {} ended with {status}", arguments.join(" "));
    Ok(())
}
