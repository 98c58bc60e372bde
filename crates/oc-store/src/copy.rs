//! Everything of a SQLite file copied into PostgreSQL, and compared.

mod table;

use std::path::Path;

use secrecy::SecretString;

use crate::StoreError;
use crate::postgres::Postgres;
use crate::sql::Sql;
use crate::sqlite::{exclusive, present};
use table::Table;

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Tables, those without a row among them.
    pub tables: usize,
    /// Rows of all of them.
    pub rows: u64,
}

/// Copies everything from a file that no server has into an empty database that none has, in one
/// transaction, and reads it again to compare: however it ends, there is nothing or everything. What
/// is sealed stays so, under the same key. The file stays as it was. `progress` is told rows done, of
/// copying and of comparing, and how many there are.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::InUse`], [`StoreError::AtWork`], [`StoreError::NotEmpty`],
/// [`StoreError::Unlike`], and when the storage fails.
pub async fn copy(
    from: &Path,
    to: &SecretString,
    progress: impl Fn(u64, u64) + Send + 'static,
) -> Result<Copied, StoreError> {
    present(from)?;
    let (lock, source, _) = exclusive(from)?;
    let job = move |target: &Sql| {
        let _held = &lock;
        copy_all(&source, target, &progress)
    };
    Postgres::at_rest(to, job).await
}

fn copy_all(
    source: &Sql,
    target: &Sql,
    progress: &impl Fn(u64, u64),
) -> Result<Copied, StoreError> {
    let tables = Table::all(source, target)?;
    let (mut rows, mut done) = (0, 0);
    for table in &tables {
        if table.count(target)? > 0 {
            return Err(StoreError::NotEmpty);
        }
        rows += table.count(source)?;
    }
    let mut told = |some: u64| {
        done += some;
        progress(done, rows * 2);
    };
    for table in &tables {
        let copied = table.copy(source, target, &mut told)?;
        table.number_on(source, target)?;
        if table.sum(target, &mut told)? != copied {
            return Err(StoreError::Unlike(table.name.clone()));
        }
    }
    Ok(Copied { tables: tables.len(), rows })
}
