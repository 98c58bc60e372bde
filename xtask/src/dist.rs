//! `cargo xtask dist`: what is handed out, the same bytes whenever and wherever it is made.

mod archives;
mod binary;
mod staging;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::packages;
use crate::sim::target_directory;

#[derive(Args)]
pub(crate) struct Options {
    /// Only the binary
    #[arg(long)]
    binary: bool,
    /// Make everything a second time, from a copy of the sources elsewhere, and compare
    #[arg(long, conflicts_with = "binary")]
    check_reproducible: bool,
}

/// Where from, where to, and the instant that every file bears.
struct Dist {
    sources: PathBuf,
    /// Where the finished files go.
    output: PathBuf,
    /// Where cargo builds.
    build: PathBuf,
    /// Seconds since 1970.
    epoch: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    packages::require(packages::FOR_DIST)?;
    binary::require_target()?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let output = target_directory(&sources)?.join("dist");
    let build = output.join("build");
    let dist = Dist { epoch: epoch(&sources)?, sources, output, build };
    if options.binary {
        return binary::build(&dist).map(drop);
    }
    dist.make()?;
    if options.check_reproducible { dist.check_reproducible() } else { Ok(()) }
}

impl Dist {
    fn make(&self) -> anyhow::Result<()> {
        let binary = binary::build(self)?;
        archives::make(self, &binary)?;
        eprintln!("Packed into {}", self.output.display());
        Ok(())
    }

    /// Makes it again in another place, which has another length, and compares.
    fn check_reproducible(&self) -> anyhow::Result<()> {
        let place = self.output.join("elsewhere/once-more");
        let again = Self {
            sources: place.join("sources"),
            output: place.join("dist"),
            build: place.join("build"),
            epoch: self.epoch,
        };
        self.copy_sources(&again.sources)?;
        again.make()?;
        let (first, second) = (sums(&self.output)?, sums(&again.output)?);
        ensure!(first == second, "two builds differ:\n{first}\n{second}");
        eprintln!("Two builds from two places have the same bytes:\n{first}");
        Ok(())
    }

    /// What git knows, or would add, as it stands now.
    fn copy_sources(&self, to: &Path) -> anyhow::Result<()> {
        if to.exists() {
            std::fs::remove_dir_all(to).with_context(|| to.display().to_string())?;
        }
        let mut list = Command::new("git");
        list.current_dir(&self.sources);
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        for name in output(&mut list)?.split('\0').filter(|name| !name.is_empty()) {
            let (from, to) = (self.sources.join(name), to.join(name));
            if !from.is_file() {
                continue;
            }
            std::fs::create_dir_all(to.parent().context("a file has no folder")?)?;
            std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
        Ok(())
    }
}

fn sums(output: &Path) -> anyhow::Result<String> {
    let path = output.join(archives::SUMS);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// `SOURCE_DATE_EPOCH`, or when the newest commit was made.
fn epoch(sources: &Path) -> anyhow::Result<u64> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return given.parse().context("SOURCE_DATE_EPOCH is no number of seconds");
    }
    let mut log = Command::new("git");
    log.args(["log", "-1", "--format=%ct"]).current_dir(sources);
    match output(&mut log) {
        Ok(seconds) => Ok(seconds.trim().parse()?),
        Err(_) => bail!("this is no git repository: set SOURCE_DATE_EPOCH, in seconds since 1970"),
    }
}

/// What a program prints, when it succeeds.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} cannot be started"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} ended with {}: {told}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{name} prints no text"))
}
