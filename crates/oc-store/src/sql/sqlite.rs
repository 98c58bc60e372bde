//! Statements over a connection to SQLite.

use std::ops::ControlFlow;

use rusqlite::{CachedStatement, Connection, params_from_iter};

use super::{Params, Row, Value, values_of};
use crate::StoreError;

pub(super) fn execute(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
) -> Result<usize, StoreError> {
    run(&mut connection.prepare_cached(text)?, values)
}

pub(super) fn count_each<P: Params>(
    connection: &Connection,
    text: &str,
    rows: impl IntoIterator<Item = P>,
) -> Result<Vec<usize>, StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    rows.into_iter().map(|values| run(&mut statement, values.values().as_ref())).collect()
}

pub(super) fn insert_each<P: Params>(
    connection: &Connection,
    text: &str,
    rows: impl IntoIterator<Item = P>,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    let Some(first) = rows.peek() else { return Ok(()) };
    let text = format!("{text} {}", values_of(1, first.values().as_ref().len()));
    count_each(connection, &text, rows).map(drop)
}

pub(super) fn find<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    first(&mut connection.prepare_cached(text)?, values, read)
}

pub(super) fn find_each<P: Params, T>(
    connection: &Connection,
    text: &str,
    rows: impl IntoIterator<Item = P>,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<Option<T>>, StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    let mut find = |values: P| first(&mut statement, values.values().as_ref(), &mut read);
    rows.into_iter().map(&mut find).collect()
}

pub(super) fn all_each<P: Params, T>(
    connection: &Connection,
    text: &str,
    rows: impl IntoIterator<Item = P>,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for values in rows {
        each(connection, text, values.values().as_ref(), |row| {
            all.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(all)
}

pub(super) fn each(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    mut look: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if look(&Row::Sqlite(row))?.is_break() {
            break;
        }
    }
    Ok(())
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
    rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
}
