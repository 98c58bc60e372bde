//! Tools from PyPI, each in an environment of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The environment of one tool, given as `name==version`; installed when it is missing or another version.
pub(crate) fn environment(tools: &Path, tool: &str) -> anyhow::Result<PathBuf> {
    let name = tool.split_once("==").map_or(tool, |(name, _)| name);
    let folder = tools.join(name);
    // Its programs name the folder that it was made in, and fail in another.
    let (installed, is) = (folder.join("installed"), format!("{tool} in {}\n", folder.display()));
    if std::fs::read_to_string(&installed).is_ok_and(|there| there == is) {
        return Ok(folder);
    }
    eprintln!("Installing {tool} from PyPI into {}", folder.display());
    if !made(&folder)? {
        eprintln!("Python has no venv module; installing Debian's python3-venv");
        let apt = Command::new("apt-get").args(["install", "-y", "python3-venv"]).status();
        let is_there = apt.is_ok_and(|status| status.success()) && made(&folder)?;
        ensure!(is_there, "install Python 3.9 or newer with its venv module");
    }
    let status = Command::new(folder.join("bin/pip")).args(["install", "--quiet", tool]).status();
    ensure!(status.context("pip")?.success(), "{tool} cannot be installed");
    std::fs::write(&installed, is).with_context(|| installed.display().to_string())?;
    Ok(folder)
}

fn made(folder: &Path) -> anyhow::Result<bool> {
    let status = Command::new("python3").args(["-m", "venv"]).arg(folder).status();
    Ok(status.context("python3 cannot be started; install Debian's python3-venv")?.success())
}
