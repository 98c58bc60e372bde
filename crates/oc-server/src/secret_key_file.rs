//! The secret key: from a setting, a file, or made at the first start.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oc_store::SecretKey;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::settings::Settings;

/// Where the secret key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `OC_SECRET_KEY`.
    Setting,
    /// In the file that `OC_SECRET_KEY_FILE` names.
    Given(PathBuf),
    /// In the file beside the database.
    Beside(PathBuf),
}

/// Where the secret key of these settings is.
pub(crate) fn place(settings: &Settings) -> Place {
    match (&settings.secret_key, &settings.secret_key_file) {
        (Some(_), _) => Place::Setting,
        (None, Some(path)) => Place::Given(path.clone()),
        (None, None) => match settings.database.file() {
            Some(file) => Place::Beside(beside(file)),
            // Whoever shares PostgreSQL is given the key.
            None => Place::Setting,
        },
    }
}

/// The secret key; one is made beside a file that is not there yet.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<SecretKey> {
    if let Some(key) = &settings.secret_key {
        return parse(key.expose_secret()).context("OC_SECRET_KEY");
    }
    let (Place::Given(path) | Place::Beside(path)) = place(settings) else {
        bail!(
            "OC_SECRET_KEY, OC_SECRET_KEY_FILE: one of them has to be set with PostgreSQL; all servers that share a database need the same key, 32 bytes as base64, as `openssl rand -base64 32` makes one"
        );
    };
    let is_new = settings.database.file().is_some_and(|file| !file.exists());
    if !is_new && !path.exists() {
        bail!(
            "{} is missing, and without it the secrets in {} cannot be opened; put it back, or set OC_SECRET_KEY",
            path.display(),
            settings.database
        );
    }
    load_or_make(&path)
}

/// The secret key in a file; one is made when the file is not there.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<SecretKey> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&Zeroizing::new(text)).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Copies a key to a file that only its owner may read; it is there whole, or not at all.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = Zeroizing::new(std::fs::read(from).with_context(|| from.display().to_string())?);
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let fault = || format!("the secret key cannot be stored in {}", to.display());
    // What an interrupted copy has left.
    if partial.exists() {
        std::fs::remove_file(&partial).with_context(fault)?;
    }
    write(&partial, &text).with_context(fault)?;
    std::fs::rename(&partial, to).with_context(fault)?;
    sync_folder(to).with_context(fault)
}

/// `oc.db` has its key in `oc.db.key`.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn parse(text: &str) -> anyhow::Result<SecretKey> {
    let bytes =
        Zeroizing::new(STANDARD.decode(text.trim()).context("the secret key is no base64")?);
    ensure!(bytes.len() == 32, "the secret key has {} bytes; 32 were expected", bytes.len());
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&bytes);
    Ok(SecretKey::new(&key))
}

fn make(path: &Path) -> anyhow::Result<SecretKey> {
    let key = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.as_slice())));
    write(path, text.as_bytes())
        .and_then(|()| sync_folder(path))
        .with_context(|| format!("the secret key cannot be stored in {}", path.display()))?;
    tracing::info!(file = %path.display(), "Made a secret key; keep it as safe as the database");
    Ok(SecretKey::new(&key))
}

/// A new file that only its owner may read, durable when this returns.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Makes a new name in a folder durable.
fn sync_folder(of: &Path) -> std::io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
