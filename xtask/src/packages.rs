//! Programs that tests and packages need, installed from Debian's packages where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// A program, where it may be, and the packages that bring it.
pub(crate) struct Wanted {
    what: &'static str,
    /// `*` stands for one folder of any name.
    places: &'static [&'static str],
    packages: &'static [&'static str],
}

/// What tests start.
pub(crate) const FOR_TESTS: &[Wanted] = &[
    Wanted {
        what: "PostgreSQL",
        places: &["/usr/lib/postgresql/*/bin/postgres"],
        packages: &["postgresql"],
    },
    Wanted {
        what: "NATS",
        places: &["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"],
        packages: &["nats-server"],
    },
    Wanted {
        what: "libfaketime",
        places: &["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"],
        packages: &["libfaketime"],
    },
    Wanted {
        what: "Node",
        places: &["/usr/bin/node", "/usr/local/bin/node"],
        packages: &["nodejs"],
    },
    Wanted { what: "Chromium", places: &["/usr/bin/chromium"], packages: &["chromium"] },
    Wanted {
        what: "ChromeDriver",
        places: &["/usr/bin/chromedriver"],
        packages: &["chromium-driver"],
    },
];

/// What packing needs.
pub(crate) const FOR_DIST: &[Wanted] = &[
    Wanted { what: "musl's C compiler", places: &["/usr/bin/musl-gcc"], packages: &["musl-tools"] },
    Wanted { what: "dpkg-deb", places: &["/usr/bin/dpkg-deb"], packages: &["dpkg"] },
];

/// Sees that every program is there; installs what is missing, and says so.
///
/// # Errors
/// When something is missing and cannot be installed: nothing is left out in silence.
pub(crate) fn require(wanted: &[Wanted]) -> anyhow::Result<()> {
    let missing: Vec<&Wanted> = wanted.iter().filter(|one| !one.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|one| one.packages).copied().collect();
    let names: Vec<&str> = missing.iter().map(|one| one.what).collect();
    eprintln!("Installing {} from Debian's packages: {}", names.join(", "), packages.join(" "));
    let by_hand = format!("install it by hand: apt-get install {}", packages.join(" "));
    // A stale list of packages names versions that are gone.
    apt_get(&["update", "--quiet"]).with_context(|| by_hand.clone())?;
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    apt_get(&install).with_context(|| by_hand.clone())?;
    for one in missing {
        ensure!(one.is_there(), "{} is still not at {}; {by_hand}", one.what, one.places[0]);
    }
    Ok(())
}

impl Wanted {
    fn is_there(&self) -> bool {
        self.places.iter().any(|place| exists(place))
    }
}

fn exists(place: &str) -> bool {
    let Some((before, after)) = place.split_once("*/") else {
        return Path::new(place).exists();
    };
    let folders = std::fs::read_dir(before).into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(after)).any(|path: PathBuf| path.exists())
}

/// As root, or with `sudo` where that asks for no password.
fn apt_get(words: &[&str]) -> anyhow::Result<()> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.args(["--non-interactive", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    let status = command.env("DEBIAN_FRONTEND", "noninteractive").args(words).status();
    let status = status.context("apt-get cannot be started")?;
    ensure!(status.success(), "apt-get {} ended with {status}", words[0]);
    Ok(())
}
