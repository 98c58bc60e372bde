//! `cargo xtask sim`, `demo` and `bench`: the simulated provider at work.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// How the programs are built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

/// Builds the server and the simulator, and runs the simulator.
pub(crate) fn run(profile: Profile, arguments: &[String]) -> anyhow::Result<()> {
    finish(command(profile)?.args(arguments))
}

/// Runs the simulator to its end.
pub(crate) fn finish(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("oc-sim cannot be started")?;
    ensure!(status.success(), "oc-sim ended with {status}");
    Ok(())
}

/// Builds the server and the simulator; tells how the simulator is started.
pub(crate) fn command(profile: Profile) -> anyhow::Result<Command> {
    let folder = built(profile)?;
    let mut command = Command::new(folder.join("oc-sim"));
    command.env("OC_SERVER_BIN", folder.join("oc-server"));
    Ok(command)
}

/// Builds the server and the simulator; tells where they are.
pub(crate) fn built(profile: Profile) -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = Command::new(crate::cargo());
    build.current_dir(&root).args(["build", "--quiet", "--bin", "oc-server", "--bin", "oc-sim"]);
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            build.arg("--release");
            "release"
        }
    };
    eprintln!("Building oc-server and oc-sim ({folder}); the first time takes a few minutes");
    ensure!(build.status().context("cargo cannot be started")?.success(), "they do not build");
    Ok(target_directory(&root)?.join(folder))
}

/// Where cargo builds; `CARGO_TARGET_DIR` may say so.
pub(crate) fn target_directory(root: &Path) -> anyhow::Result<PathBuf> {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("target"));
    std::path::absolute(&folder).with_context(|| folder.display().to_string())
}
