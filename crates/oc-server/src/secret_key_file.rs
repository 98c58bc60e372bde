//! The secret key: from a setting, a file, or made at the first start.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oc_store::SecretKey;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::settings::Settings;

/// The secret key; one is made beside a database that is not there yet.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<SecretKey> {
    if let Some(key) = &settings.secret_key {
        return parse(key.expose_secret()).context("OC_SECRET_KEY");
    }
    let given = settings.secret_key_file.clone();
    let path = given.unwrap_or_else(|| beside(&settings.database));
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&Zeroizing::new(text)).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if settings.database.exists() {
                bail!(
                    "{} is missing, and without it the secrets in {} cannot be opened; put it back, or set OC_SECRET_KEY",
                    path.display(),
                    settings.database.display()
                );
            }
            make(&path)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
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
    use std::os::unix::fs::OpenOptionsExt as _;
    let key = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.as_slice())));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("the secret key cannot be stored in {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    tracing::info!(file = %path.display(), "Made a secret key; keep it as safe as the database");
    Ok(SecretKey::new(&key))
}
