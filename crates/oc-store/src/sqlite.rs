//! The SQLite file: opened once, written by one thread, read by several connections.

mod log;
mod migrations;
mod readers;
mod writer;

pub use migrations::Schema;
#[cfg(test)]
pub(crate) use migrations::known;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::vtab::array;
use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::sql::Sql;
use log::Copier;
use readers::Readers;
use writer::Writer;

/// What a connection keeps of the file in memory, as SQLite counts it: less than nothing is kilobytes.
const KEPT: i32 = -8_000;
/// The same where it only reads: it forgets all of it after each commit of the writer, so that more
/// would be taken from the system and given back each time.
const READ_KEPT: i32 = -1_000;

/// A database file. Clones share it.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Inner>);

/// Closed in this order: the last connection to go copies the log into the file, and a reader cannot.
struct Inner {
    readers: Readers,
    _copier: Copier,
    writer: Writer,
    /// Held as long as the database is open.
    _lock: File,
}

impl Sqlite {
    /// Opens or creates the file, locks it against other processes, and migrates it.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with_log(path, log::LONG)
    }

    /// The same, with a log that is copied when it has so many pages.
    fn with_log(path: &Path, long: u32) -> Result<Self, StoreError> {
        let (lock, mut connection, _) = only(path)?;
        let readers = Readers::open(|| {
            let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = connect(path, read_only)?;
            connection.pragma_update(None, "cache_size", READ_KEPT)?;
            Ok(Sql::Sqlite(connection))
        })?;
        let other = connect(path, OpenFlags::default())?;
        let (log, copier) = log::follow(&mut connection, other, long)?;
        let writer = Writer::start(Sql::Sqlite(connection), log)?;
        Ok(Self(Arc::new(Inner { writer, readers, _copier: copier, _lock: lock })))
    }

    /// Runs `job` in a transaction of the writer, together with others that wait. When this
    /// returns, what it did is durable; if it failed, nothing of it happened. A database that is
    /// shared may have a job run more than once; only the last run counts.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.writer.run(job).await
    }

    /// Runs `job` on a connection that sees what was committed when it began.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl Fn(&Sql) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.readers.run(job).await
    }
}

/// Brings the schema of a database up to date, while no other process has it; tells where it was.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::Newer`], and when the storage fails.
pub(crate) fn migrate(path: &Path) -> Result<Schema, StoreError> {
    present(path)?;
    only(path).map(|(_, _, schema)| schema)
}

/// The schema of a database, whether another process has it or not.
///
/// # Errors
/// As [`migrate`].
pub(crate) fn schema(path: &Path) -> Result<Schema, StoreError> {
    Schema::read(&read_only(path)?)
}

/// A database as the only process that has it, for as long as the lock is held.
pub(crate) fn exclusive(path: &Path) -> Result<(File, Sql, Schema), StoreError> {
    only(path).map(|(lock, connection, schema)| (lock, Sql::Sqlite(connection), schema))
}

fn only(path: &Path) -> Result<(File, Connection, Schema), StoreError> {
    let lock = lock(path)?;
    // SQLite gives the log and its index the rights of the database.
    for_owner_only(path)?;
    let mut connection = connect(path, OpenFlags::default())?;
    let schema = migrations::migrate(&mut connection)?;
    Ok((lock, connection, schema))
}

/// A connection that reads, beside whoever else has the database.
pub(crate) fn read_only(path: &Path) -> Result<Connection, StoreError> {
    present(path)?;
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

pub(crate) fn present(path: &Path) -> Result<(), StoreError> {
    if path.is_file() { Ok(()) } else { Err(StoreError::Missing(path.to_owned())) }
}

/// A lock beside the file; the operating system lifts it when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let fault = |source| StoreError::File { path: name.clone(), source };
    let file = for_owner_only(&name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(fault(source)),
    }
}

/// Opens a file; one that is not there is made, readable by nobody else.
fn for_owner_only(path: &Path) -> Result<File, StoreError> {
    let mut how = OpenOptions::new();
    how.create(true).truncate(false).write(true).mode(0o600);
    how.open(path).map_err(|source| StoreError::File { path: path.to_owned(), source })
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", KEPT)?;
    // A plan does not depend on values; else each new value of a LIMIT has its statement prepared anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // What `Sql::list` names.
    array::load_module(&connection)?;
    Ok(connection)
}
