//! A folder that becomes a package: files with their modes, and one instant for all.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::output;

/// The commands whose completions are installed, and where.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/oc-server"),
    ("fish", "usr/share/fish/vendor_completions.d/oc-server.fish"),
    ("zsh", "usr/share/zsh/vendor-completions/_oc-server"),
];

pub(super) struct Staging {
    root: PathBuf,
}

impl Staging {
    /// An empty one.
    pub(super) fn new(root: PathBuf) -> anyhow::Result<Self> {
        if root.exists() {
            std::fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;
        }
        std::fs::create_dir_all(&root).with_context(|| root.display().to_string())?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().context("a file has no folder")?)?;
        std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        std::fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Takes a file over.
    pub(super) fn copy(&self, from: &Path, name: &str, mode: u32) -> anyhow::Result<()> {
        let bytes = std::fs::read(from).with_context(|| from.display().to_string())?;
        self.write(name, mode, &bytes)
    }

    /// Takes the files of a folder over that end so.
    pub(super) fn copy_all(&self, from: &Path, kind: &str, name: &str) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
            let path = entry?.path();
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            if file.ends_with(kind) {
                self.copy(&path, &format!("{name}/{file}"), 0o644)?;
            }
        }
        Ok(())
    }

    /// Has the program describe itself: manual pages and completions.
    pub(super) fn describe(&self, binary: &Path) -> anyhow::Result<()> {
        let pages = self.root.join("usr/share/man/man1");
        output(Command::new(binary).arg("manual").arg(&pages))?;
        for page in std::fs::read_dir(&pages)? {
            let page = page?.path();
            let name = page.strip_prefix(&self.root)?.display().to_string();
            self.write(&format!("{name}.gz"), 0o644, &compressed(&std::fs::read(&page)?)?)?;
            std::fs::remove_file(page)?;
        }
        for (shell, place) in SHELLS {
            let script = output(Command::new(binary).args(["completions", shell]))?;
            self.write(place, 0o644, script.as_bytes())?;
        }
        Ok(())
    }

    /// How much it takes, in KiB, each file rounded up.
    pub(super) fn size(&self) -> anyhow::Result<u64> {
        let files = files(&self.root)?;
        let sizes = files.iter().map(|file| Ok(file.metadata()?.len().div_ceil(1024)));
        sizes.sum::<anyhow::Result<u64>>()
    }
}

/// All files below a folder, in order.
pub(super) fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// As gzip, without name and instant.
pub(super) fn compressed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut gzip = Command::new("gzip")
        .args(["--best", "--no-name", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip cannot be started")?;
    let mut input = gzip.stdin.take().context("gzip reads nothing")?;
    let output = std::thread::scope(|scope| {
        let writing = scope.spawn(move || input.write_all(bytes));
        let output = gzip.wait_with_output()?;
        writing.join().map_err(|_| anyhow::anyhow!("gzip was not fed"))??;
        anyhow::Ok(output)
    })?;
    ensure!(output.status.success(), "gzip ended with {}", output.status);
    Ok(output.stdout)
}
