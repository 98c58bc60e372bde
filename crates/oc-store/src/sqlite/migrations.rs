//! The schema, brought up to date step by step, forwards only.

use rusqlite::Connection;

use crate::StoreError;

/// Each step once, in this order; `user_version` counts those done.
const STEPS: [&str; 13] = [
    include_str!("../../migrations/0001_first.sql"),
    include_str!("../../migrations/0002_tasks.sql"),
    include_str!("../../migrations/0003_content.sql"),
    include_str!("../../migrations/0004_adaptive.sql"),
    include_str!("../../migrations/0005_webhooks.sql"),
    include_str!("../../migrations/0006_attempt_request.sql"),
    include_str!("../../migrations/0007_sessions.sql"),
    include_str!("../../migrations/0008_traced.sql"),
    include_str!("../../migrations/0009_probes.sql"),
    include_str!("../../migrations/0010_notices.sql"),
    include_str!("../../migrations/0011_turns.sql"),
    include_str!("../../migrations/0012_kinds.sql"),
    include_str!("../../migrations/0013_receipts.sql"),
];

/// The schema of a database, and the one this program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The database's.
    pub found: i64,
    /// This program's.
    pub known: i64,
}

/// The last step that this program knows.
pub(crate) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

impl Schema {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let known = known();
        if found > known {
            Err(StoreError::Newer { found, known })
        } else {
            Ok(Self { found, known })
        }
    }
}

/// Brings the schema up to date, in one transaction; tells where it was.
pub(super) fn migrate(connection: &mut Connection) -> Result<Schema, StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    let schema = Schema::read(&transaction)?;
    for step in &STEPS[usize::try_from(schema.found).unwrap_or(0)..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", schema.known)?;
    transaction.commit()?;
    Ok(schema)
}
