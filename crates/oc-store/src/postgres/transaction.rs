//! Jobs as transactions: repeated when that helps, and never done twice.
//!
//! A connection can be cut while a commit is under way. Whether it was done is then asked on another
//! connection, by the transaction's receipt, and the job runs again only when it was not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::pool::{Connection, Pool};
use super::receipt::Receipt;
use super::touches::{LOCKS, Touches};
use crate::StoreError;
use crate::sql::{Later, Sql};

/// For how long a job is tried while the database is away.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first pause between two tries...
const PAUSE: Duration = Duration::from_millis(20);
/// ...which doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A transaction that has begun.
struct Begun {
    connection: Connection,
    receipt: Receipt,
    /// Whether the receipt is written.
    written: Later<()>,
    /// Whether what the job decides about is locked, and this program works with the schema.
    locked: Later<()>,
}

/// How a try ended.
enum Ended<T> {
    Done(Result<T, StoreError>),
    /// Nothing has happened, and another try may do better.
    Again(StoreError),
}

pub(super) fn write<T>(
    pool: &Pool,
    touches: &Touches,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    persist(|until| match begin_write(pool, touches) {
        Ok(begun) => finish_write(pool, begun, job, until),
        Err(error) => again_or_done(error),
    })
}

pub(super) fn read<T>(
    pool: &Pool,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    persist(|_| {
        let read = || {
            let connection = pool.take()?;
            connection.sql.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            let result = job(&connection.sql);
            give_back(pool, connection);
            result
        };
        read().map_or_else(again_or_done, |value| Ended::Done(Ok(value)))
    })
}

/// A job of one statement, which needs no transaction around it.
pub(super) fn look<T>(
    pool: &Pool,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    persist(|_| {
        let look = || {
            let connection = pool.take()?;
            let result = job(&connection.sql);
            pool.give_back(connection);
            result
        };
        look().map_or_else(again_or_done, |value| Ended::Done(Ok(value)))
    })
}

/// Work that makes its transactions itself, and may be done again.
pub(super) fn plain<T>(
    pool: &Pool,
    work: &impl Fn(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    persist(|_| {
        let done = pool.take().and_then(|connection| {
            let sql = &connection.sql;
            let done = work(sql).and_then(|done| sql.hear().map(|()| done));
            give_back(pool, connection);
            done
        });
        done.map_or_else(again_or_done, |value| Ended::Done(Ok(value)))
    })
}

/// Tries until it is done, or for as long as there is hope.
fn persist<T>(mut attempt: impl FnMut(Instant) -> Ended<T>) -> Result<T, StoreError> {
    let until = Instant::now() + PATIENCE;
    let mut pause = PAUSE;
    loop {
        match attempt(until) {
            Ended::Done(result) => return result,
            Ended::Again(error) if Instant::now() + pause >= until => return Err(error),
            Ended::Again(error) => {
                tracing::debug!(%error, "The database is asked again");
                sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// A transaction with its receipt, once nobody else decides about what it touches. Each of its
/// statements sees what was committed before, so that what the lock was waited for is seen.
///
/// It waits for a change of the schema, and a change of the schema for it; so what the first statement
/// finds of the schema holds until its end.
fn begin_write(pool: &Pool, touches: &Touches) -> Result<Begun, StoreError> {
    let connection = pool.take()?;
    let begin = || {
        let (sql, receipts) = (&connection.sql, &connection.receipts);
        let name = receipts.open(sql)?;
        sql.begin(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared({LOCKS}, -1)"
        ))?;
        let (receipt, written) = receipts.write(sql, name)?;
        Ok((receipt, written, touches.lock(sql)?))
    };
    match begin() {
        Ok((receipt, written, locked)) => Ok(Begun { connection, receipt, written, locked }),
        Err(error) => {
            give_back(pool, connection);
            Err(error)
        }
    }
}

fn finish_write<T>(
    pool: &Pool,
    begun: Begun,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
    until: Instant,
) -> Ended<T> {
    let Begun { connection, receipt, written, locked } = begun;
    let sql = &connection.sql;
    let value = job(sql);
    let locked = locked.heard(sql).and_then(|locked| locked.ok_or(StoreError::NoRow));
    let written = written.heard(sql);
    let value = match (value, locked, written) {
        (Ok(value), Ok(()), Ok(Some(()))) => value,
        // What a job finds in the schema of a newer program says nothing.
        (_, Err(error @ StoreError::Newer { .. }), _)
        | (Err(error), ..)
        | (_, Err(error), _)
        | (.., Err(error)) => {
            give_back(pool, connection);
            return again_or_done(error);
        }
        // The connection is so old that nobody could ask for what it commits.
        (.., Ok(None)) => return Ended::Again(StoreError::Closed),
    };
    let Err(error) = sql.batch("COMMIT") else {
        pool.give_back(connection);
        return Ended::Done(Ok(value));
    };
    give_back(pool, connection);
    if !error.may_pass() {
        return Ended::Done(Err(error));
    }
    // Whoever was cut off, or sent away by the server, has not heard whether it was done before.
    match receipt.is_there(pool, until) {
        Some(true) => Ended::Done(Ok(value)),
        Some(false) => Ended::Again(error),
        None => Ended::Done(Err(StoreError::Commit(format!(
            "the connection was cut, and it is not known whether it was done: {error}"
        )))),
    }
}

/// A connection whose transaction cannot be ended is of no use.
fn give_back(pool: &Pool, connection: Connection) {
    if connection.sql.roll_back().is_ok() {
        pool.give_back(connection);
    }
}

fn again_or_done<T>(error: StoreError) -> Ended<T> {
    if error.may_pass() { Ended::Again(error) } else { Ended::Done(Err(error)) }
}
