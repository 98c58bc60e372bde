//! The database, whichever it is: jobs that read and jobs that write.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::postgres::{Node, Postgres, Touches};
use crate::sql::Sql;
use crate::sqlite::Sqlite;
use crate::wakes::Wakes;
use crate::{Schema, StoreError, sqlite};

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file, of one process at a time.
    File(PathBuf),
    /// A PostgreSQL database by its url, shared by any number of processes.
    Postgres(SecretString),
}

impl Location {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// For whoever operates it; without the password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::File(path) => return write!(f, "{}", path.display()),
            Self::Postgres(url) => Url::parse(url.expose_secret()),
        };
        let Ok(mut url) = url else { return write!(f, "PostgreSQL") };
        url.set_query(None);
        match url.set_password(None) {
            Ok(()) => write!(f, "{url}"),
            Err(()) => write!(f, "PostgreSQL"),
        }
    }
}

/// A database. Clones share it.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres, Node),
}

impl Database {
    /// Opens the database, creating what is missing, and migrates it.
    pub(crate) async fn open(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::File(path) => {
                let path = path.clone();
                let opened = tokio::task::spawn_blocking(move || Sqlite::open(&path)).await;
                Ok(Self::Sqlite(opened.map_err(|_| StoreError::Closed)??))
            }
            Location::Postgres(url) => {
                let database = Postgres::open(url).await?;
                let node = Node::join(&database).await?;
                Ok(Self::Postgres(database, node))
            }
        }
    }

    /// Whether other processes may have it at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        self.node().is_some()
    }

    /// This process among those that share it, when any can.
    pub(crate) fn node(&self) -> Option<&Node> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_, node) => Some(node),
        }
    }

    /// Sees to it that others who share the database count on this process.
    pub(crate) async fn revive(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(database, node) => node.revive(database).await,
        }
    }

    /// Has others that share the database told what is new here, and wakes who waits here for theirs.
    pub(crate) fn tell_each_other(&self, wakes: &Arc<Wakes>) {
        if let Self::Postgres(database, node) = self {
            node.tell_and_listen(database, wakes);
        }
    }

    /// Gives back what this process has claimed, for others to take.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(database, node) => node.leave(database).await,
        }
    }

    /// Ends when this program does not work with the schema any more.
    pub(crate) async fn outdated(&self) -> StoreError {
        match self {
            // Nobody else has the file.
            Self::Sqlite(_) => std::future::pending().await,
            Self::Postgres(database, _) => database.outdated().await,
        }
    }

    /// Runs `job` in a transaction, as if it were alone. When this returns, what it did is durable;
    /// if it failed, nothing of it happened. A database that is shared may have a job run more than
    /// once; only the last run counts.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_to(Touches::All, job).await
    }

    /// The same for a job that decides about no more than it says, so that others run beside it
    /// where the database lets them.
    pub(crate) async fn write_to<T: Send + 'static>(
        &self,
        touches: Touches,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(job).await,
            Self::Postgres(postgres, _) => postgres.write(touches, job).await,
        }
    }

    /// Runs `job` on a connection that sees what was committed when it began.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(job).await,
            Self::Postgres(postgres, _) => postgres.read(job).await,
        }
    }

    /// The same for a job of a single statement, which is spared a transaction around it.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(job).await,
            Self::Postgres(postgres, _) => postgres.look(job).await,
        }
    }
}

/// Brings the schema of a database up to date; tells where it was. A file is one that no other
/// process has.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::Newer`], and when the storage fails.
pub async fn migrate(location: &Location) -> Result<Schema, StoreError> {
    match location {
        Location::File(path) => sqlite::migrate(path),
        Location::Postgres(url) => Postgres::migrate(url).await,
    }
}

/// The schema of a database, whether other processes have it or not.
///
/// # Errors
/// As [`migrate`].
pub async fn schema(location: &Location) -> Result<Schema, StoreError> {
    match location {
        Location::File(path) => sqlite::schema(path),
        Location::Postgres(url) => Postgres::schema(url).await,
    }
}
