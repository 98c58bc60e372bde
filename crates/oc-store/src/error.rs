//! Why the storage could not do what it was asked.

use std::path::PathBuf;

/// The store's error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the database.
    #[error("{} is in use by another oc-server; a SQLite database belongs to one process at a time", .0.display())]
    InUse(PathBuf),
    /// The file is not there or cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A newer version of the program has been here.
    #[error("the database has schema {found}, this program knows {known}; use the newer program")]
    Newer {
        /// The database's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It was sealed under another key.
    #[error(
        "the secret key is not the one this database was made with (OC_SECRET_KEY, OC_SECRET_KEY_FILE)"
    )]
    OtherKey,
    /// A sealed value does not open: it was changed, or stands in another row's place.
    #[error("the sealed value of {0} does not open")]
    Sealed(String),
    /// A stored value makes no sense.
    #[error("the stored {what} makes no sense: {why}")]
    Stored {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// What was to be changed has changed meanwhile.
    #[error("it was changed by another request meanwhile; read it again")]
    Conflict,
    /// Secrets name their owners, so that no two may have the same.
    #[error("another {0} has this secret already; choose another one")]
    SecretTaken(&'static str),
    /// There is no database where one was expected.
    #[error("there is no database at {}; `oc-server serve` makes one", .0.display())]
    Missing(PathBuf),
    /// A file is in the way.
    #[error("{} is there already; name another file", .0.display())]
    Exists(PathBuf),
    /// The transaction could not be committed: disk full, or worse.
    #[error("it could not be committed: {0}")]
    Commit(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A row that there certainly is was not found.
    #[error("a row that belongs to another one is missing")]
    NoRow,
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether the database itself is in trouble, and not what is stored.
    pub(crate) fn is_of_database(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::NoRow)
    }

    pub(crate) fn stored(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Stored { what, why: format!("{why}") }
    }
}
