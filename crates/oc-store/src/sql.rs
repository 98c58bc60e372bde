//! One way to speak SQL to the database, whichever it is.
//!
//! Statements are written once, with `?1` for the first value, in words that SQLite and PostgreSQL
//! share. Each is prepared once a connection and kept. Whoever runs a statement for many rows hands
//! all of them in at once, so that a database at the other end of a network is asked once.
#![expect(
    clippy::needless_pass_by_value,
    reason = "values are written where they are given, without a borrow"
)]

mod postgres;
mod row;
mod sqlite;
mod value;

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::Connection;

use crate::StoreError;

pub(crate) use postgres::{Session, storable};
pub(crate) use row::{Column, FromColumn, Row};
pub(crate) use value::{Params, ToValue, Value, params};

/// The first row that a statement finds, when it finds one; heard with a later statement.
#[must_use]
pub(crate) enum Later<T> {
    Here(Option<T>),
    Sent(Arc<OnceLock<Vec<tokio_postgres::Row>>>, fn(&Row<'_>) -> Result<T, StoreError>),
}

impl<T> Later<T> {
    pub(crate) fn heard(self, sql: &Sql) -> Result<Option<T>, StoreError> {
        if matches!(&self, Self::Sent(rows, _) if rows.get().is_none()) {
            sql.hear()?;
        }
        self.found()
    }

    /// The same after the transaction, whose end was waited for.
    ///
    /// # Errors
    /// [`StoreError::Closed`] where the connection was cut, though the transaction may have been committed.
    pub(crate) fn found(self) -> Result<Option<T>, StoreError> {
        match self {
            Self::Here(found) => Ok(found),
            Self::Sent(rows, read) => {
                let rows = rows.get().ok_or(StoreError::Closed)?;
                rows.first().map(|row| read(&Row::Postgres(row))).transpose()
            }
        }
    }
}

/// `VALUES` of so many rows.
fn values_of(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let values = (1..=columns).map(|column| format!("?{}", row * columns + column));
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    format!("VALUES {}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

/// A connection, within the transaction of a job.
pub(crate) enum Sql {
    Sqlite(Connection),
    Postgres(Session),
}

impl Sql {
    /// Whether it is PostgreSQL, for the few statements that have to be put differently.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The table `list` of a value that is a list of texts, in whose order its `rowid` counts.
    pub(crate) fn list(&self, value: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("rarray({value}) list"),
            Self::Postgres(_) => format!("unnest({value}) WITH ORDINALITY list (value, rowid)"),
        }
    }

    /// Runs statements that have no values.
    pub(crate) fn batch(&self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(text)?),
            Self::Postgres(session) => session.batch(text),
        }
    }

    /// The same, where they may take longer than others.
    pub(crate) fn batch_within(&self, text: &str, within: Duration) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(text)?),
            Self::Postgres(session) => session.batch_within(text, within),
        }
    }

    /// Begins a transaction, at the latest with its first statement.
    pub(crate) fn begin(&self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(text)?),
            Self::Postgres(session) => {
                session.begin(text);
                Ok(())
            }
        }
    }

    /// Ends a transaction as if nothing had happened in it.
    pub(crate) fn roll_back(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch("ROLLBACK")?),
            Self::Postgres(session) => {
                session.roll_back();
                Ok(())
            }
        }
    }

    /// Changes rows; tells how many.
    pub(crate) fn execute(&self, text: &str, values: impl Params) -> Result<usize, StoreError> {
        let values = values.values();
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, text, values.as_ref()),
            Self::Postgres(session) => session.execute(text, values.as_ref()),
        }
    }

    /// Changes rows for each of many rows of values. PostgreSQL is not waited for: what it refuses
    /// fails a later statement, and at the latest the commit.
    pub(crate) fn execute_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::count_each(connection, text, rows).map(drop),
            Self::Postgres(session) => session.execute_each(text, rows),
        }
    }

    /// Inserts rows, numbered in this order. `text` ends before `VALUES`.
    pub(crate) fn insert_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::insert_each(connection, text, rows),
            Self::Postgres(session) => session.insert_each(text, rows),
        }
    }

    /// Changes rows as [`Sql::execute_each`] does; tells how many were changed by each.
    pub(crate) fn count_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<Vec<usize>, StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::count_each(connection, text, rows),
            Self::Postgres(session) => session.count_each(text, rows),
        }
    }

    /// Waits for what was not waited for.
    pub(crate) fn hear(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.hear(),
        }
    }

    /// The one row that there certainly is.
    pub(crate) fn one<T>(
        &self,
        text: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.find(text, values, read)?.ok_or(StoreError::NoRow)
    }

    /// The first row, when there is one.
    pub(crate) fn find<T>(
        &self,
        text: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let values = values.values();
        match self {
            Self::Sqlite(connection) => sqlite::find(connection, text, values.as_ref(), read),
            Self::Postgres(session) => {
                let rows = session.rows(text, values.as_ref())?;
                rows.first().map(|row| read(&Row::Postgres(row))).transpose()
            }
        }
    }

    /// The same, where PostgreSQL is not waited for.
    pub(crate) fn find_later<T>(
        &self,
        text: &str,
        values: impl Params,
        read: fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Later<T>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Later::Here(self.find(text, values, read)?)),
            Self::Postgres(session) => {
                Ok(Later::Sent(session.find_later(text, values.values().as_ref())?, read))
            }
        }
    }

    /// The first row for each of many rows of values.
    pub(crate) fn find_each<P: Params, T>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::find_each(connection, text, rows, read),
            Self::Postgres(session) => {
                let found = session.rows_each(text, rows)?;
                let mut first = |rows: &Vec<tokio_postgres::Row>| {
                    rows.first().map(|row| read(&Row::Postgres(row))).transpose()
                };
                found.iter().map(&mut first).collect()
            }
        }
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        text: &str,
        values: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.each(text, values, |row| {
            all.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// All rows for each of many rows of values.
    pub(crate) fn all_each<P: Params, T>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::all_each(connection, text, rows, read),
            Self::Postgres(session) => {
                let found = session.rows_each(text, rows)?;
                found.iter().flatten().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Looks at one row after the other until it is enough; other statements may run meanwhile.
    /// PostgreSQL sends all of them at once, so that a statement that may find many has a `LIMIT`.
    pub(crate) fn each(
        &self,
        text: &str,
        values: impl Params,
        mut look: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let values = values.values();
        match self {
            Self::Sqlite(connection) => sqlite::each(connection, text, values.as_ref(), look),
            Self::Postgres(session) => {
                for row in &session.rows(text, values.as_ref())? {
                    if look(&Row::Postgres(row))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_over_all_rows() {
        assert_eq!(values_of(1, 3), "VALUES (?1, ?2, ?3)");
        assert_eq!(values_of(2, 2), "VALUES (?1, ?2), (?3, ?4)");
    }
}
