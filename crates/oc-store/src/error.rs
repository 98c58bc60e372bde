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
    /// A node works for the instance.
    #[error("a node works for this instance at the moment; try again")]
    Claimed,
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
    /// The transaction of several changes came to nothing.
    #[error(transparent)]
    Together(std::sync::Arc<Self>),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A row that there certainly is was not found.
    #[error("a row that belongs to another one is missing")]
    NoRow,
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL says no, or cannot be reached.
    #[error("PostgreSQL: {}", told(.0))]
    Postgres(tokio_postgres::Error),
    /// Processes work with the database that has to be at rest.
    #[error(
        "{0} servers or commands work with the database; stop them first (one that was killed counts for 20 seconds)"
    )]
    AtWork(u64),
    /// What is copied into it would mix with what is there.
    #[error("the database has something in it already; make an empty one")]
    NotEmpty,
    /// A copy differs from what was copied, or this version does not know how to copy it.
    #[error("the table {0} cannot be copied exactly; nothing was kept of the copy")]
    Unlike(String),
    /// The database's url cannot be used.
    #[error("the database's url: {0}")]
    Url(String),
    /// PostgreSQL says nothing.
    #[error("PostgreSQL has not answered within {0:?}")]
    NoAnswer(std::time::Duration),
}

/// Not as its source: whoever prints the sources of an error would print the details.
impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl StoreError {
    /// Whether the database itself is in trouble, and not what is stored.
    pub(crate) fn is_of_database(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::Postgres(_) | Self::NoAnswer(_) | Self::NoRow)
    }

    /// Whether the same may succeed in a moment: others were in the way, or the server is not there.
    pub(crate) fn may_pass(&self) -> bool {
        let error = match self {
            Self::Postgres(error) => error,
            Self::NoAnswer(_) => return true,
            _ => return false,
        };
        // What is no answer of the server's is a connection that was cut, or could not be made.
        let Some(code) = error.code() else { return !is_misconfigured(error) };
        // Classes: connection, too many of them, the operator, read only, conflicts, locks.
        ["08", "53", "57P", "25006", "40", "55P03", "25P03"]
            .iter()
            .any(|class| code.code().starts_with(class))
    }

    pub(crate) fn stored(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Stored { what, why: format!("{why}") }
    }
}

/// What PostgreSQL says: never the details, which may have values in them.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{} ({})", answer.message(), answer.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// Certificates and url options do not mend themselves.
fn is_misconfigured(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    text.contains("TLS") || text.contains("configuration") || text.contains("connection string")
}
