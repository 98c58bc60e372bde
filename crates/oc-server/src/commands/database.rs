//! The database itself, for commands that work on it while no server does.

use std::sync::Arc;

use anyhow::Context as _;
use oc_store::{Location, Store, StoreError, StoreOptions};

use crate::app::catalogue;
use crate::secret_key_file;
use crate::settings::Settings;

/// Opens the database of a server that does not run.
pub(super) async fn open(settings: &Settings, command: &str) -> anyhow::Result<Store> {
    if !settings.database.exists() {
        return Err(StoreError::Missing(settings.database.clone()).into());
    }
    let options = StoreOptions {
        database: Location::File(settings.database.clone()),
        key: secret_key_file::load(settings)?,
        catalogue: Arc::new(catalogue(settings)?),
        shortest_interval: settings.min_refresh_interval,
    };
    Store::open(options).await.map_err(|error| explained(error, command))
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
