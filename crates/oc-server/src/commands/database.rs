//! The database itself, for commands that work on it: a file while no server does, PostgreSQL at any
//! time.

use std::sync::Arc;

use anyhow::Context as _;
use oc_store::{Store, StoreError, StoreOptions};

use crate::app::catalogue;
use crate::secret_key_file;
use crate::settings::Settings;

/// Opens a database that is there. Whoever has done with it leaves it.
pub(super) async fn open(settings: &Settings, command: &str) -> anyhow::Result<Store> {
    present(settings)?;
    let options = StoreOptions {
        database: settings.database.clone(),
        key: secret_key_file::load(settings)?,
        catalogue: Arc::new(catalogue(settings)?),
        shortest_interval: settings.min_refresh_interval,
    };
    Store::open(options).await.map_err(|error| explained(error, command))
}

/// A file that is expected to be there is not made.
pub(super) fn present(settings: &Settings) -> Result<(), StoreError> {
    match settings.database.file() {
        Some(file) if !file.exists() => Err(StoreError::Missing(file.to_owned())),
        _ => Ok(()),
    }
}

/// Says what to do about a server that has the database.
pub(super) fn explained(error: StoreError, command: &str) -> anyhow::Error {
    if !matches!(error, StoreError::InUse(_)) {
        return error.into();
    }
    Err::<(), _>(error)
        .with_context(|| format!("`{command}` works on the database itself; stop the server first"))
        .err()
        .unwrap_or_else(|| anyhow::anyhow!("the database is in use"))
}
