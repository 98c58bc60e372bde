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
    let target = target_directory(&root)?.join(folder);
    let status = Command::new(target.join("oc-sim"))
        .args(arguments)
        .env("OC_SERVER_BIN", target.join("oc-server"))
        .status()
        .context("oc-sim cannot be started")?;
    ensure!(status.success(), "oc-sim ended with {status}");
    Ok(())
}

/// Where cargo builds; `CARGO_TARGET_DIR` may say so.
pub(crate) fn target_directory(root: &Path) -> anyhow::Result<PathBuf> {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("target"));
    std::path::absolute(&folder).with_context(|| folder.display().to_string())
}
