//! Another secret key: every sealed value opened with the old one and sealed with the new one.

use std::path::Path;

use oc_config::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde_json::json;

use crate::audit::{By, note};
use crate::sqlite::{exclusive, present};
use crate::store::{KEY_CHECK, meta};
use crate::{SecretKey, StoreError};

/// Values that are sealed anew between two reports.
const CHUNK: usize = 500;

/// A column of sealed values. The associated data of one is `parts` with the row's `keys` between
/// them.
struct Sealed {
    table: &'static str,
    keys: &'static [&'static str],
    column: &'static str,
    parts: &'static [&'static str],
}

/// Every column that holds what [`SecretKey::seal`] made. One that is missing here stops a rekey.
const SEALED: [Sealed; 6] = [
    Sealed { table: "meta", keys: &["key"], column: "value", parts: &["", ""] },
    Sealed { table: "instance", keys: &["id"], column: "token", parts: &["instance/", "/token"] },
    Sealed {
        table: "instance",
        keys: &["id"],
        column: "secrets",
        parts: &["instance/", "/secrets"],
    },
    Sealed {
        table: "token_pair",
        keys: &["instance_id"],
        column: "tokens",
        parts: &["instance/", "/tokens"],
    },
    Sealed {
        table: "hook",
        keys: &["instance_id"],
        column: "secret",
        parts: &["instance/", "/hook"],
    },
    Sealed {
        table: "creation_key",
        keys: &["organization_id", "key"],
        column: "request",
        parts: &["organization/", "/creation/", ""],
    },
];

/// What a rekey did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// Values that were sealed anew.
    pub values: u64,
    /// Nothing was to be done: the database has the new key already.
    pub already: bool,
}

/// Seals every secret with another key, in one transaction, while no other process has the
/// database: however it ends, the database opens with one of the two keys. `progress` is told
/// values done, and how many there are.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::OtherKey`] when it was made with
/// neither, and when the storage fails; nothing is changed then.
pub fn rekey(
    path: &Path,
    (old, new): (&SecretKey, &SecretKey),
    now: Timestamp,
    progress: impl Fn(u64, u64),
) -> Result<Rekeyed, StoreError> {
    present(path)?;
    let (_lock, mut connection, _) = exclusive(path)?;
    let check = meta(&connection, KEY_CHECK)?;
    if check.as_deref().is_some_and(|check| new.open(KEY_CHECK, check).is_ok()) {
        return Ok(Rekeyed { values: 0, already: true });
    }
    if let Some(check) = &check {
        old.open(KEY_CHECK, check)?;
    }
    // What the old key opens is not to stay in pages that are free.
    connection.pragma_update(None, "secure_delete", "ON")?;
    let transaction = connection.transaction()?;
    let total = SEALED.iter().map(|of| of.count(&transaction, old)).sum::<Result<u64, _>>()?;
    let mut values = 0;
    for of in &SEALED {
        of.seal_anew(&transaction, (old, new), |done| {
            values += done;
            progress(values, total);
        })?;
    }
    nothing_is_left(&transaction, old)?;
    let details = json!({"values": values, "from": old.name(), "to": new.name()});
    let what = ("database.rekeyed", "database");
    note(&transaction, now, &By::operator(), None, what, &details)?;
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(Rekeyed { values, already: false })
}

impl Sealed {
    fn count(&self, sql: &Connection, old: &SecretKey) -> Result<u64, StoreError> {
        let Self { table, column, .. } = self;
        let query = format!("SELECT count(*) FROM {table} WHERE substr({column}, 1, 5) = ?1");
        Ok(sql.query_row(&query, [old.mark()], |row| row.get(0))?)
    }

    fn seal_anew(
        &self,
        sql: &Connection,
        (old, new): (&SecretKey, &SecretKey),
        mut done: impl FnMut(u64),
    ) -> Result<(), StoreError> {
        let Self { table, keys, column, .. } = self;
        let keys = keys.join(", ");
        let mut select = sql.prepare(&format!(
            "SELECT {column}, {keys} FROM {table} WHERE substr({column}, 1, 5) = ?1 LIMIT ?2"
        ))?;
        let marks = vec!["?"; self.keys.len()].join(", ");
        let mut update =
            sql.prepare(&format!("UPDATE {table} SET {column} = ? WHERE ({keys}) = ({marks})"))?;
        loop {
            // What is done does not bear the old key's mark any more, so that the first are the next.
            let rows = select.query_map(params![old.mark(), CHUNK], |row| {
                let keys = (1..=self.keys.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
                Ok((row.get::<_, Vec<u8>>(0)?, keys))
            })?;
            let rows = rows.collect::<Result<Vec<(Vec<u8>, Vec<Value>)>, _>>()?;
            if rows.is_empty() {
                return Ok(());
            }
            let done_now = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            for (sealed, keys) in rows {
                let identity = self.identity(&keys);
                let anew = new.seal(&identity, &old.open(&identity, &sealed)?)?;
                let values = std::iter::once(Value::Blob(anew)).chain(keys);
                update.execute(rusqlite::params_from_iter(values))?;
            }
            done(done_now);
        }
    }

    fn identity(&self, keys: &[Value]) -> String {
        let text = |key: &Value| match key {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        let (first, rest) = self.parts.split_first().unwrap_or((&"", &[]));
        let rest = keys.iter().zip(rest).map(|(key, part)| text(key) + part);
        std::iter::once((*first).to_owned()).chain(rest).collect()
    }
}

/// A sealed column that the list above does not know would be lost with the old key.
fn nothing_is_left(sql: &Connection, old: &SecretKey) -> Result<(), StoreError> {
    let mut columns = sql.prepare(
        "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.type = 'BLOB'",
    )?;
    let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (table, column) in columns.collect::<Result<Vec<(String, String)>, _>>()? {
        let query =
            format!("SELECT count(*) FROM \"{table}\" WHERE substr(\"{column}\", 1, 5) = ?1");
        let left: u64 = sql.query_row(&query, [old.mark()], |row| row.get(0))?;
        if left > 0 {
            return Err(StoreError::Sealed(format!(
                "{table}.{column} (this version cannot rekey it)"
            )));
        }
    }
    Ok(())
}
