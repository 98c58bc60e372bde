//! The log of what was written, and how it is copied into the database file: by a thread beside the
//! writer, so that nobody who writes waits for it.
//!
//! Each commit appends pages to the log. Once it is long, the thread copies what is in it, and again
//! what has come meanwhile; the little that is left then is the writer's to copy between two
//! transactions, as only a log that is copied as a whole begins from its start again.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::StoreError;
use crate::sql::Sql;

/// The pages from which on a log is long.
pub(super) const LONG: u32 = 4_000;
/// A log of so many times as many pages is copied by the writer, which waits for the thread if it
/// has to.
const TOO_LONG: u32 = 4;
/// How often the thread copies what has come meanwhile.
const PASSES: usize = 3;

/// What writer and thread know of the log.
struct Length {
    long: u32,
    pages: AtomicU32,
    /// The thread has copied what it could; the rest is the writer's.
    is_copied: AtomicBool,
    /// Held by whoever copies: SQLite lets one at a time, and the other go without having copied.
    copying: Mutex<()>,
}

/// The writer's end.
pub(super) struct Log {
    length: Arc<Length>,
    wake: SyncSender<Signal>,
}

/// The thread that copies; it ends when this is dropped.
pub(super) struct Copier {
    wake: SyncSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

enum Signal {
    Copy,
    End,
}

/// Has the log of the writer's `connection` copied through `other`, whenever it has `long` pages.
pub(super) fn follow(
    connection: &mut Connection,
    other: Connection,
    long: u32,
) -> Result<(Log, Copier), StoreError> {
    let length = Arc::new(Length {
        long,
        pages: AtomicU32::new(0),
        is_copied: AtomicBool::new(false),
        copying: Mutex::new(()),
    });
    let told = Arc::clone(&length);
    connection.wal_hook(Some(move |_: &mut _, pages: i32| {
        told.pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    let (wake, signals) = sync_channel(1);
    let copied = Arc::clone(&length);
    let thread = std::thread::Builder::new()
        .name("oc-store-log".to_owned())
        .spawn(move || copy_all(&other, &copied, &signals))
        .map_err(|source| StoreError::File { path: "log thread".into(), source })?;
    Ok((Log { length, wake: wake.clone() }, Copier { wake, thread: Some(thread) }))
}

impl Length {
    fn copy(&self, copy: impl FnOnce() -> Result<(), StoreError>) {
        let _alone = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = copy() {
            tracing::error!(%error, "The log is not copied into the database file: it grows");
        }
    }
}

impl Log {
    /// After a commit, when whoever waited for it knows.
    pub(super) fn committed(&self, sql: &Sql) {
        let Length { long, ref pages, ref is_copied, .. } = *self.length;
        let pages = pages.load(Ordering::Relaxed);
        let is_copied = is_copied.swap(false, Ordering::Acquire);
        if pages < long {
            return;
        }
        if is_copied || pages >= TOO_LONG * long {
            self.length.copy(|| sql.batch(COPY));
        } else {
            // One that is awake already sees what has come since.
            let _ = self.wake.try_send(Signal::Copy);
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        let _ = self.wake.send(Signal::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies what no reader needs the old page of, and waits for nobody.
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

fn copy_all(connection: &Connection, length: &Length, signals: &Receiver<Signal>) {
    while let Ok(Signal::Copy) = signals.recv() {
        length.copy(|| (0..PASSES).try_for_each(|_| Ok(connection.execute_batch(COPY)?)));
        length.is_copied.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::OpenFlags;

    use super::super::{Sqlite, connect, only};
    use super::{TOO_LONG, follow};
    use crate::StoreError;
    use crate::sql::{Sql, params};

    const LONG: u32 = 50;

    async fn write(database: &Sqlite, rows: usize) {
        database.write(|sql| sql.batch("CREATE TABLE filled (bytes TEXT)")).await.unwrap();
        for row in 0..rows {
            let bytes = format!("{row:8000}");
            let insert = move |sql: &Sql| -> Result<(), StoreError> {
                sql.execute("INSERT INTO filled VALUES (?1)", params![bytes]).map(drop)
            };
            database.write(insert).await.unwrap();
        }
    }

    fn pages(path: &Path) -> u64 {
        std::fs::metadata(path).map_or(0, |file| file.len() / 4_096)
    }

    #[tokio::test]
    async fn the_log_begins_anew_again_and_again_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oc.db");
        let database = Sqlite::with_log(&path, LONG).unwrap();
        write(&database, 1_000).await;
        // No transaction here has more than a few pages.
        let longest = u64::from(TOO_LONG * LONG) + 10;
        let log = pages(&folder.path().join("oc.db-wal"));
        assert!(log > 0 && log <= longest, "{log} pages");
        assert!(pages(&path) > 1_000, "{} pages of 2,000 are in the database file", pages(&path));
    }

    #[test]
    fn the_thread_copies_a_long_log_without_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oc.db");
        let (_lock, mut connection, _) = only(&path).unwrap();
        let other = connect(&path, OpenFlags::default()).unwrap();
        let (log, copier) = follow(&mut connection, other, LONG).unwrap();
        let before = pages(&path);
        let filled = format!("CREATE TABLE filled AS SELECT '{}' AS bytes", "x".repeat(400_000));
        connection.execute_batch(&filled).unwrap();
        assert_eq!(pages(&path), before, "a commit only writes the log");
        // Open until the end: the last connection to go would copy it too.
        let sql = Sql::Sqlite(connection);
        log.committed(&sql);
        // It ends when it has done what it was woken for.
        drop(copier);
        assert!(pages(&path) >= before + 90, "{} pages", pages(&path));
    }

    #[tokio::test]
    async fn at_the_end_all_of_it_is_in_the_database_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oc.db");
        let database = Sqlite::with_log(&path, LONG).unwrap();
        write(&database, 60).await;
        drop(database);
        assert!(!folder.path().join("oc.db-wal").exists());
        assert!(pages(&path) >= 120);
    }
}
