//! One way to speak SQL to the database.
//!
//! Statements are written once, with `?1` for the first value, in words that SQLite and PostgreSQL
//! share. Each is prepared once a connection and kept. Whoever runs a statement for many rows hands
//! all of them in at once, so that a database at the other end of a network is asked once.
#![expect(
    clippy::needless_pass_by_value,
    reason = "values are written where they are given, without a borrow"
)]

mod row;
mod value;

use std::ops::ControlFlow;

use rusqlite::{CachedStatement, Connection, params_from_iter};

use crate::StoreError;

pub(crate) use row::{Column, FromColumn, Row};
pub(crate) use value::{Params, ToValue, Value, params};

/// A connection, within the transaction of a job.
pub(crate) struct Sql(Connection);

impl Sql {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(connection)
    }

    /// Runs statements that have no values.
    pub(crate) fn batch(&self, text: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(text)?)
    }

    /// Changes rows; tells how many.
    pub(crate) fn execute(&self, text: &str, values: impl Params) -> Result<usize, StoreError> {
        run(&mut self.0.prepare_cached(text)?, values.values().as_ref())
    }

    /// The same for many rows of values; tells how many were changed by each.
    pub(crate) fn execute_each<P: Params>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<Vec<usize>, StoreError> {
        let mut statement = self.0.prepare_cached(text)?;
        rows.into_iter().map(|values| run(&mut statement, values.values().as_ref())).collect()
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
        first(&mut self.0.prepare_cached(text)?, values.values().as_ref(), read)
    }

    /// The first row for each of many rows of values.
    pub(crate) fn find_each<P: Params, T>(
        &self,
        text: &str,
        rows: impl IntoIterator<Item = P>,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let mut statement = self.0.prepare_cached(text)?;
        let mut find = |values: P| first(&mut statement, values.values().as_ref(), &mut read);
        rows.into_iter().map(&mut find).collect()
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

    /// Looks at one row after the other until it is enough; other statements may run meanwhile.
    pub(crate) fn each(
        &self,
        text: &str,
        values: impl Params,
        mut look: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(text)?;
        let mut rows = statement.query(params_from_iter(values.values().as_ref()))?;
        while let Some(row) = rows.next()? {
            if look(&Row::new(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn run(statement: &mut CachedStatement<'_>, values: &[Value<'_>]) -> Result<usize, StoreError> {
    Ok(statement.execute(params_from_iter(values))?)
}

fn first<T>(
    statement: &mut CachedStatement<'_>,
    values: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut rows = statement.query(params_from_iter(values))?;
    rows.next()?.map(|row| read(&Row::new(row))).transpose()
}
