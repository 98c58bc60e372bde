//! Jobs as transactions: repeated when that helps, and never done twice.
//!
//! A connection can be cut while a commit is under way. Whether it was done is then asked on another
//! connection, by the transaction's number, and the job runs again only when it was not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::pool::{Pool, is_closed};
use super::touches::{LOCKS, Touches};
use crate::StoreError;
use crate::sql::{Later, Sql};

/// For how long a job is tried while the database is away.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first pause between two tries...
const PAUSE: Duration = Duration::from_millis(20);
/// ...which doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
        Ok((sql, number)) => finish_write(pool, sql, number, job, until),
        Err(error) => again_or_done(error),
    })
}

pub(super) fn read<T>(
    pool: &Pool,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    persist(|_| {
        let read = || {
            let sql = pool.take()?;
            sql.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            let result = job(&sql);
            give_back(pool, sql);
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
            let sql = pool.take()?;
            let result = job(&sql);
            pool.give_back(sql);
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
        let done = pool.take().and_then(|sql| {
            let done = work(&sql).and_then(|done| sql.hear().map(|()| done));
            give_back(pool, sql);
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

/// A transaction with its number, once nobody else decides about what it touches. Each of its
/// statements sees what was committed before, so that what the lock was waited for is seen.
///
/// It waits for a change of the schema, and a change of the schema for it; so what the first statement
/// finds of the schema holds until its end.
fn begin_write(pool: &Pool, touches: &Touches) -> Result<(Sql, Later<i64>), StoreError> {
    let sql = pool.take()?;
    sql.begin(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared({LOCKS}, -1)"
    ))?;
    match touches.lock(&sql) {
        Ok(number) => Ok((sql, number)),
        Err(error) => {
            give_back(pool, sql);
            Err(error)
        }
    }
}

fn finish_write<T>(
    pool: &Pool,
    sql: Sql,
    number: Later<i64>,
    job: &impl Fn(&Sql) -> Result<T, StoreError>,
    until: Instant,
) -> Ended<T> {
    let value = job(&sql);
    let number = number.heard(&sql).and_then(|number| number.ok_or(StoreError::NoRow));
    let (value, number) = match (value, number) {
        (Ok(value), Ok(number)) => (value, number),
        // What a job finds in the schema of a newer program says nothing.
        (_, Err(error @ StoreError::Newer { .. })) | (Err(error), _) | (_, Err(error)) => {
            give_back(pool, sql);
            return again_or_done(error);
        }
    };
    match sql.batch("COMMIT") {
        Ok(()) => {
            pool.give_back(sql);
            Ended::Done(Ok(value))
        }
        Err(error) if is_closed(&sql) => {
            drop(sql);
            match was_committed(pool, number, until) {
                Some(true) => Ended::Done(Ok(value)),
                Some(false) => Ended::Again(error),
                None => Ended::Done(Err(StoreError::Commit(format!(
                    "the connection was cut, and it is not known whether it was done: {error}"
                )))),
            }
        }
        Err(error) => {
            give_back(pool, sql);
            again_or_done(error)
        }
    }
}

/// What became of a transaction whose connection was cut; `None` when nobody can be asked in time.
/// One that the server has not noticed to be cut ends soon, as none may be idle for long.
fn was_committed(pool: &Pool, number: i64, until: Instant) -> Option<bool> {
    let status = "SELECT pg_xact_status(CAST(CAST(?1 AS text) AS xid8))";
    while Instant::now() < until {
        let asked = pool.take().and_then(|sql| {
            let status = sql.one(status, [number], |row| row.get::<Option<String>>(0))?;
            pool.give_back(sql);
            Ok(status)
        });
        match asked.as_ref().map(Option::as_deref) {
            Ok(Some("committed")) => return Some(true),
            Ok(Some("aborted")) => return Some(false),
            Ok(None) => return None,
            Ok(Some(_)) | Err(_) => sleep(Duration::from_millis(100)),
        }
    }
    None
}

/// A connection whose transaction cannot be ended is of no use.
fn give_back(pool: &Pool, sql: Sql) {
    if sql.roll_back().is_ok() {
        pool.give_back(sql);
    }
}

fn again_or_done<T>(error: StoreError) -> Ended<T> {
    if error.may_pass() { Ended::Again(error) } else { Ended::Done(Err(error)) }
}
