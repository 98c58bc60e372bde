//! Receipts: how it is known of a transaction whose connection was cut whether it was committed.
//!
//! Each connection has a row, and each of its transactions writes its number there. The transaction's own
//! number in PostgreSQL would not do (`pg_xact_status`): one that a crash has undone may be given to
//! another transaction, as nothing of it has reached the disk, and so may one that a standby had not heard
//! of when it took over.

use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, Instant};

use oc_config::Timestamp;
use uuid::Uuid;

use super::pool::Pool;
use crate::StoreError;
use crate::sql::{Later, Sql, params};

/// For how long a receipt is kept. A connection whose row is gone is replaced when it next writes.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The receipts of a connection.
#[derive(Default)]
pub(super) struct Receipts {
    /// Its name, once it has written.
    connection: Cell<Option<Uuid>>,
    last: Cell<i64>,
}

/// What a transaction leaves when it is committed.
#[derive(Clone, Copy)]
pub(super) struct Receipt {
    connection: Uuid,
    number: i64,
}

impl Receipts {
    /// The row is there before the first transaction, so that whoever asks waits for the end of the one
    /// that is writing it.
    pub(super) fn open(&self, sql: &Sql) -> Result<Uuid, StoreError> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let connection = Uuid::new_v4();
        let open = "INSERT INTO receipt (connection, number, opened) VALUES (?1, 0, time_now())";
        sql.execute(open, [connection])?;
        self.connection.set(Some(connection));
        Ok(connection)
    }

    /// Writes the receipt of the transaction that has just begun; heard with a later statement. There is
    /// none where the row was swept away.
    pub(super) fn write(
        &self,
        sql: &Sql,
        connection: Uuid,
    ) -> Result<(Receipt, Later<()>), StoreError> {
        let number = self.last.get() + 1;
        self.last.set(number);
        let write = "UPDATE receipt SET number = ?2 WHERE connection = ?1 RETURNING 1";
        let written = sql.find_later(write, params![connection, number], |_| Ok(()))?;
        Ok((Receipt { connection, number }, written))
    }
}

impl Receipt {
    /// Whether the transaction was committed, asked on another connection; `None` when nobody can be
    /// asked in time. One that the server has not noticed to be cut holds the row until it ends, which is
    /// soon, as none may be idle for long.
    pub(super) fn is_there(self, pool: &Pool, until: Instant) -> Option<bool> {
        let last = "SELECT number FROM receipt WHERE connection = ?1 FOR UPDATE";
        while Instant::now() < until {
            let asked = pool.take().and_then(|other| {
                let last = other.sql.find(last, [self.connection], |row| row.get::<i64>(0))?;
                pool.give_back(other);
                Ok(last)
            });
            match asked {
                Ok(last) => return last.map(|last| last == self.number),
                Err(_) => sleep(PAUSE),
            }
        }
        None
    }
}

/// Forgets the receipts of connections that were opened long ago.
pub(crate) fn sweep(sql: &Sql, now: Timestamp) -> Result<(), StoreError> {
    if sql.is_postgres() {
        sql.execute("DELETE FROM receipt WHERE opened < ?1", [now.minus(KEPT).0])?;
    }
    Ok(())
}
