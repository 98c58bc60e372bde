//! The tarball, the Debian package, and the checksums of both.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::staging::{Staging, compressed, files};
use super::{Dist, output};

pub(super) const SUMS: &str = "SHA256SUMS";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Packs the binary and what belongs to it.
pub(super) fn make(dist: &Dist, binary: &Path) -> anyhow::Result<()> {
    let made = [tarball(dist, binary)?, debian(dist, binary)?];
    let mut sum = Command::new("sha256sum");
    let names = made.iter().filter_map(|path| path.file_name());
    let sums = output(sum.current_dir(&dist.output).arg("oc-server").args(names))?;
    std::fs::write(dist.output.join(SUMS), sums).context(SUMS)
}

fn tarball(dist: &Dist, binary: &Path) -> anyhow::Result<PathBuf> {
    let name = format!("open-connectors-{VERSION}-{ARCH}-linux");
    let staging = Staging::new(dist.output.join("staging/tarball").join(&name))?;
    let packaging = dist.sources.join("packaging");
    staging.copy(binary, "usr/bin/oc-server", 0o755)?;
    staging.describe(binary)?;
    staging.copy(&packaging.join("oc.toml"), "oc.toml", 0o644)?;
    staging.copy(&packaging.join("open-connectors.service"), "open-connectors.service", 0o644)?;
    for page in ["LICENSE", "README.md", "CHANGELOG.md"] {
        staging.copy(&dist.sources.join(page), page, 0o644)?;
    }
    documents(dist, &staging, "docs")?;
    same_instant(dist, &staging)?;
    let parent = staging.root().parent().context("the staging folder has no parent")?;
    let made = parent.join("archive.tar");
    let mut tar = Command::new("tar");
    tar.current_dir(parent)
        .args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--format=gnu", "--mode=u+rwX,go=rX", "--file"])
        .args([&made, Path::new(&name)]);
    output(tar.arg(format!("--mtime=@{}", dist.epoch)))?;
    let path = dist.output.join(format!("{name}.tar.gz"));
    let packed = compressed(&std::fs::read(&made)?)?;
    std::fs::write(&path, packed).with_context(|| path.display().to_string())?;
    std::fs::remove_file(made)?;
    Ok(path)
}

fn debian(dist: &Dist, binary: &Path) -> anyhow::Result<PathBuf> {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("Debian's name of {other} is not known here"),
    };
    let staging = Staging::new(dist.output.join("staging/debian"))?;
    let packaging = dist.sources.join("packaging");
    staging.copy(binary, "usr/bin/oc-server", 0o755)?;
    staging.describe(binary)?;
    staging.copy(&packaging.join("oc.toml"), "etc/open-connectors/oc.toml", 0o644)?;
    let secrets = packaging.join("debian/secrets.env");
    staging.copy(&secrets, "etc/open-connectors/secrets.env", 0o600)?;
    let unit = "lib/systemd/system/open-connectors.service";
    staging.copy(&packaging.join("open-connectors.service"), unit, 0o644)?;
    let documentation = "usr/share/doc/open-connectors";
    staging.copy(&dist.sources.join("LICENSE"), &format!("{documentation}/copyright"), 0o644)?;
    let changes = compressed(&std::fs::read(dist.sources.join("CHANGELOG.md"))?)?;
    staging.write(&format!("{documentation}/changelog.gz"), 0o644, &changes)?;
    documents(dist, &staging, documentation)?;
    control(&staging, &packaging.join("debian"), architecture)?;
    same_instant(dist, &staging)?;
    let path = dist.output.join(format!("open-connectors_{VERSION}_{architecture}.deb"));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--build", "--root-owner-group", "-Zxz"]).arg(staging.root()).arg(&path);
    output(pack.env("SOURCE_DATE_EPOCH", dist.epoch.to_string()))?;
    Ok(path)
}

/// The pages for operators and users.
fn documents(dist: &Dist, staging: &Staging, to: &str) -> anyhow::Result<()> {
    let docs = dist.sources.join("docs");
    staging.copy_all(&docs, ".md", to)?;
    staging.copy_all(&docs, ".yml", to)?;
    staging.copy_all(&docs.join("grafana"), ".json", &format!("{to}/grafana"))?;
    staging.copy_all(&docs.join("reference"), ".md", &format!("{to}/reference"))
}

/// Debian's description of the package, its scripts, and the sums of its files.
fn control(staging: &Staging, from: &Path, architecture: &str) -> anyhow::Result<()> {
    let mut sum = Command::new("md5sum");
    for file in files(staging.root())? {
        sum.arg(file.strip_prefix(staging.root())?);
    }
    let sums = output(sum.current_dir(staging.root()))?;
    let template = std::fs::read_to_string(from.join("control")).context("control")?;
    let control = template
        .replace("@VERSION@", VERSION)
        .replace("@ARCHITECTURE@", architecture)
        .replace("@INSTALLED_SIZE@", &staging.size()?.to_string());
    staging.write("DEBIAN/control", 0o644, control.as_bytes())?;
    staging.write("DEBIAN/md5sums", 0o644, sums.as_bytes())?;
    staging.copy(&from.join("conffiles"), "DEBIAN/conffiles", 0o644)?;
    for script in ["postinst", "prerm", "postrm"] {
        staging.copy(&from.join(script), &format!("DEBIAN/{script}"), 0o755)?;
    }
    Ok(())
}

/// Folders get their modes and everything its instant, which the umask and the clock would differ in.
fn same_instant(dist: &Dist, staging: &Staging) -> anyhow::Result<()> {
    let mut modes = Command::new("find");
    modes.arg(staging.root());
    output(modes.args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]))?;
    let mut instants = Command::new("find");
    instants.arg(staging.root()).args(["-exec", "touch", "--no-dereference"]);
    output(instants.arg(format!("--date=@{}", dist.epoch)).args(["{}", "+"]))?;
    Ok(())
}
