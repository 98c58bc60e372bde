//! What became of each try to deliver, kept with its notification.

use oc_dispatch::{Attempt, AttemptVerdict};
use uuid::Uuid;

use crate::StoreError;
use crate::sql::{Sql, Value, params};

/// The most attempts that are kept of a notification, besides the first that has arrived.
const MOST: i64 = 100;

pub(crate) fn seq_of(sql: &Sql, id: Uuid) -> Result<Option<i64>, StoreError> {
    Ok(seqs_of(sql, [id])?.pop().flatten())
}

/// Of notifications by their ids, those that are still there.
pub(super) fn seqs_of(
    sql: &Sql,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Option<i64>>, StoreError> {
    let seq = "SELECT seq FROM notification WHERE id = ?1";
    sql.find_each(seq, ids.into_iter().map(|id| [id]), |row| row.get(0))
}

/// Keeps an attempt. For many of them there is neither a `SELECT` to insert from nor `RETURNING`: SQLite
/// would be ready to take each row back by itself, at a price that grows with the transaction.
const KEEP: &str = "INSERT INTO attempt
  (notification, number, at, took, status, error, answer, url, delivered, replay, request)
  VALUES (?1, (SELECT 1 + coalesce(max(number), 0) FROM attempt WHERE notification = ?1),
    ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Keeps what became of an attempt.
pub(crate) fn note(sql: &Sql, seq: i64, attempt: &Attempt, replay: bool) -> Result<(), StoreError> {
    let noted = Noted::of((seq, attempt), replay);
    let number: i64 =
        sql.one(&format!("{KEEP} RETURNING number"), noted.values(), |row| row.get(0))?;
    if number <= MOST {
        return Ok(());
    }
    // Replays can be asked for without end.
    sql.execute(
        "DELETE FROM attempt WHERE notification = ?1 AND number <= ?2 AND number IS DISTINCT FROM
           (SELECT min(number) FROM attempt WHERE notification = ?1 AND delivered = 1)",
        [seq, number - MOST],
    )?;
    Ok(())
}

/// Keeps the first attempts by which notifications have arrived.
pub(super) fn note_arrivals(sql: &Sql, attempts: &[(i64, &Attempt)]) -> Result<(), StoreError> {
    let rows: Vec<Noted<'_>> = attempts.iter().map(|one| Noted::of(*one, false)).collect();
    sql.execute_each(KEEP, rows.iter().map(Noted::values))?;
    Ok(())
}

/// An attempt as it is stored.
struct Noted<'a> {
    seq: i64,
    attempt: &'a Attempt,
    took: i64,
    delivered: bool,
    replay: bool,
    request: &'a str,
}

impl<'a> Noted<'a> {
    fn of((seq, attempt): (i64, &'a Attempt), replay: bool) -> Self {
        let took = i64::try_from(attempt.took.as_micros()).unwrap_or(i64::MAX);
        let delivered = attempt.verdict == AttemptVerdict::Delivered;
        Self { seq, attempt, took, delivered, replay, request: attempt.request.as_json() }
    }

    fn values(&self) -> [Value<'_>; 10] {
        params![
            self.seq,
            self.attempt.at.0,
            self.took,
            self.attempt.status,
            self.attempt.error,
            self.attempt.answer,
            self.attempt.url,
            self.delivered,
            self.replay,
            self.request
        ]
    }
}
