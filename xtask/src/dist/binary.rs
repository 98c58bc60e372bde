//! The static binary: linked to musl, without symbols, and without the places where it was built.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{Dist, output};

fn target() -> String {
    format!("{ARCH}-unknown-linux-musl")
}

/// Sees that the compiler knows the target; asks rustup for it where it does not.
pub(super) fn require_target() -> anyhow::Result<()> {
    let target = target();
    let mut print = Command::new("rustc");
    print.args(["--print", "target-libdir", "--target", &target]);
    let libraries = output(&mut print)?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", &target]).status();
    ensure!(
        added.is_ok_and(|status| status.success()),
        "rust's library for {target} is missing: rustup target add {target}"
    );
    Ok(())
}

/// Builds it; tells where it is.
pub(super) fn build(dist: &Dist) -> anyhow::Result<PathBuf> {
    let target = target();
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let cargo_home = cargo_home.context("neither CARGO_HOME nor HOME is set")?;
    // The build folder holds sources that build scripts have written.
    let places = [(&dist.build, "/build"), (&dist.sources, "/source"), (&cargo_home, "/cargo")];
    let remapped = |flag: &str| {
        let flags = places.iter().rev().map(|(from, to)| format!("{flag}={}={to}", from.display()));
        flags.collect::<Vec<_>>()
    };
    let rust = [remapped("--remap-path-prefix"), vec!["-Ctarget-feature=+crt-static".to_owned()]];
    eprintln!("Building oc-server for {target}; the first time takes some minutes");
    let status = Command::new(crate::cargo())
        .args(["build", "--quiet", "--locked", "--profile", "dist", "--target", &target])
        .args(["--package", "oc-server", "--bin", "oc-server"])
        .current_dir(&dist.sources)
        .env("CARGO_TARGET_DIR", &dist.build)
        .env("CARGO_ENCODED_RUSTFLAGS", rust.concat().join("\u{1f}"))
        .env(
            format!("CFLAGS_{}", target.replace('-', "_")),
            remapped("-ffile-prefix-map").join(" "),
        )
        .env("SOURCE_DATE_EPOCH", dist.epoch.to_string())
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "oc-server does not build");
    let built = dist.build.join(&target).join("dist/oc-server");
    ensure_static(&built)?;
    let binary = dist.output.join("oc-server");
    std::fs::create_dir_all(&dist.output)?;
    std::fs::copy(&built, &binary).with_context(|| binary.display().to_string())?;
    Ok(binary)
}

/// A program that names an interpreter needs a C library of the machine.
fn ensure_static(binary: &Path) -> anyhow::Result<()> {
    let mut headers = Command::new("readelf");
    headers.args(["--wide", "--program-headers"]).arg(binary);
    let is_static = !output(&mut headers)?.contains("INTERP");
    ensure!(is_static, "{} is not static", binary.display());
    Ok(())
}
