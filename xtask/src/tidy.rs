//! `cargo xtask tidy`: the rules of the house that no compiler checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The crates from the lowest to the highest: each may name only those before it.
const LAYERS: [&str; 11] = [
    "oc-config",
    "oc-telemetry",
    "oc-egress",
    "oc-oauth",
    "oc-hub",
    "oc-poll",
    "oc-dispatch",
    "oc-sinks",
    "oc-queue",
    "oc-store",
    "oc-server",
];
/// The longest file, in lines; tests may be longer.
const LONGEST: usize = 500;
/// Names that say nothing.
const EMPTY_NAMES: [&str; 7] =
    ["mod.rs", "util.rs", "utils.rs", "common.rs", "helpers.rs", "misc.rs", "types.rs"];

/// Tells every rule that is broken.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut faults = layering(&root)?;
    for file in sources(&root)? {
        faults.extend(file_faults(&root, &file)?);
    }
    ensure!(faults.is_empty(), "the house is not tidy:\n  {}", faults.join("\n  "));
    Ok(())
}

/// Arrows between crates that point the wrong way, in dev-dependencies too.
fn layering(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(crate::cargo())
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("cargo metadata cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let level = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(own) = level(name) else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            if level(other).is_some_and(|other| other >= own) {
                faults.push(format!("{name} names {other}, which is above it"));
            }
        }
    }
    Ok(faults)
}

fn file_faults(root: &Path, file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_test = name == "tests.rs" || shown.contains("/tests/");
    let mut faults = Vec::new();
    if !text.starts_with("//! ") {
        faults.push(format!("{shown}: the first line does not say the file's job"));
    }
    if !is_test && text.lines().count() > LONGEST {
        faults.push(format!("{shown}: longer than {LONGEST} lines"));
    }
    if EMPTY_NAMES.contains(&name) {
        faults.push(format!("{shown}: the name says nothing"));
    }
    Ok(faults)
}

/// All Rust files of the workspace.
fn sources(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = ["crates", "tests", "xtask"].map(|one| root.join(one)).to_vec();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
