//! Another secret key: every sealed value opened with the old one and sealed with the new one.

use oc_config::Timestamp;
use serde_json::json;

use crate::audit::{By, note};
use crate::postgres::Postgres;
use crate::sql::{Column, FromColumn, Sql, ToValue, Value, params};
use crate::sqlite::{exclusive, present};
use crate::store::{KEY_CHECK, meta};
use crate::{Location, SecretKey, StoreError};

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
const SEALED: [Sealed; 8] = [
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
    Sealed { table: "session", keys: &["id"], column: "secrets", parts: &["session/", ""] },
    Sealed { table: "draft", keys: &["id"], column: "form", parts: &["draft/", ""] },
];

/// What a rekey did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// Values that were sealed anew.
    pub values: u64,
    /// Nothing was to be done: the database has the new key already.
    pub already: bool,
}

/// Seals every secret with another key, the second one, in one transaction, while no other process
/// has the database: however it ends, the database opens with one of the two keys. `progress` is told
/// values done, and how many there are.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::AtWork`], [`StoreError::OtherKey`]
/// when it was made with neither, and when the storage fails; nothing is changed then.
pub async fn rekey(
    database: &Location,
    (old, new): (SecretKey, SecretKey),
    now: Timestamp,
    progress: impl Fn(u64, u64) + Send + 'static,
) -> Result<Rekeyed, StoreError> {
    let seal = move |sql: &Sql| seal_all_anew(sql, (&old, &new), now, &progress);
    match database {
        Location::File(path) => {
            present(path)?;
            let (_lock, sql, _) = exclusive(path)?;
            // What the old key opens is not to stay in pages that are free.
            sql.batch("PRAGMA secure_delete = ON; BEGIN IMMEDIATE")?;
            let done = seal(&sql)?;
            sql.batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
            Ok(done)
        }
        Location::Postgres(url) => Postgres::at_rest(url, seal).await,
    }
}

fn seal_all_anew(
    sql: &Sql,
    (old, new): (&SecretKey, &SecretKey),
    now: Timestamp,
    progress: &impl Fn(u64, u64),
) -> Result<Rekeyed, StoreError> {
    let check = meta(sql, KEY_CHECK)?;
    if check.as_deref().is_some_and(|check| new.open(KEY_CHECK, check).is_ok()) {
        return Ok(Rekeyed { values: 0, already: true });
    }
    if let Some(check) = &check {
        old.open(KEY_CHECK, check)?;
    }
    let total = SEALED.iter().map(|of| of.count(sql, old)).sum::<Result<u64, _>>()?;
    let mut values = 0;
    for of in &SEALED {
        of.seal_anew(sql, (old, new), |done| {
            values += done;
            progress(values, total);
        })?;
    }
    nothing_is_left(sql, old)?;
    let details = json!({"values": values, "from": old.name(), "to": new.name()});
    let what = ("database.rekeyed", "database");
    note(sql, now, &By::operator(), None, what, &details)?;
    Ok(Rekeyed { values, already: false })
}

/// A part of what a row is known by.
enum Key {
    Number(i64),
    Name(String),
}

impl FromColumn for Key {
    fn read(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Integer(number) => Some(Self::Number(number)),
            Column::Text(name) => Some(Self::Name(name.to_owned())),
            _ => None,
        }
    }
}

impl ToValue for Key {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => number.value(),
            Self::Name(name) => name.value(),
        }
    }
}

impl Sealed {
    fn count(&self, sql: &Sql, old: &SecretKey) -> Result<u64, StoreError> {
        let Self { table, column, .. } = self;
        let query = format!("SELECT count(*) FROM {table} WHERE substr({column}, 1, 5) = ?1");
        sql.one(&query, [old.mark()], |row| row.get(0))
    }

    fn seal_anew(
        &self,
        sql: &Sql,
        (old, new): (&SecretKey, &SecretKey),
        mut done: impl FnMut(u64),
    ) -> Result<(), StoreError> {
        let Self { table, keys, column, .. } = self;
        let keys = keys.join(", ");
        let select = format!(
            "SELECT {column}, {keys} FROM {table} WHERE substr({column}, 1, 5) = ?1 LIMIT ?2"
        );
        let marks: Vec<String> = (0..self.keys.len()).map(|at| format!("?{}", at + 2)).collect();
        let marks = marks.join(", ");
        let update = format!("UPDATE {table} SET {column} = ?1 WHERE ({keys}) = ({marks})");
        loop {
            // What is done does not bear the old key's mark any more, so that the first are the next.
            let rows = sql.all(&select, params![old.mark(), CHUNK], |row| {
                let keys = (1..=self.keys.len()).map(|at| row.get(at));
                Ok((row.get::<Vec<u8>>(0)?, keys.collect::<Result<Vec<Key>, _>>()?))
            })?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut anew = Vec::with_capacity(rows.len());
            for (sealed, keys) in &rows {
                let identity = self.identity(keys);
                anew.push(new.seal(&identity, &old.open(&identity, sealed)?)?);
            }
            let values = anew.iter().zip(&rows).map(|(anew, (_, keys))| {
                let keys = keys.iter().map(ToValue::value);
                std::iter::once(anew.value()).chain(keys).collect::<Vec<_>>()
            });
            sql.execute_each(&update, values)?;
            done(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        }
    }

    fn identity(&self, keys: &[Key]) -> String {
        let text = |key: &Key| match key {
            Key::Number(number) => number.to_string(),
            Key::Name(name) => name.clone(),
        };
        let (first, rest) = self.parts.split_first().unwrap_or((&"", &[]));
        let rest = keys.iter().zip(rest).map(|(key, part)| text(key) + part);
        std::iter::once((*first).to_owned()).chain(rest).collect()
    }
}

/// A sealed column that the list above does not know would be lost with the old key.
fn nothing_is_left(sql: &Sql, old: &SecretKey) -> Result<(), StoreError> {
    let columns = if sql.is_postgres() {
        "SELECT CAST(table_name AS text), CAST(column_name AS text)
         FROM information_schema.columns
         WHERE table_schema = current_schema() AND data_type = 'bytea'"
    } else {
        "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.type = 'BLOB'"
    };
    let columns = sql.all(columns, (), |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
    for (table, column) in columns {
        let query =
            format!("SELECT count(*) FROM \"{table}\" WHERE substr(\"{column}\", 1, 5) = ?1");
        let left: u64 = sql.one(&query, [old.mark()], |row| row.get(0))?;
        if left > 0 {
            return Err(StoreError::Sealed(format!(
                "{table}.{column} (this version cannot rekey it)"
            )));
        }
    }
    Ok(())
}
