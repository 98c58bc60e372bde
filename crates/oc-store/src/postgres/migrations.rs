//! The schema in PostgreSQL, brought up to date step by step, forwards only.

use std::time::Duration;

use crate::sql::Sql;
use crate::{Schema, StoreError};

use super::touches::LOCKS;

/// A step, with the same number as SQLite's.
struct Step {
    number: i64,
    /// The oldest program that works with the schema after it, by the last step that it knows. Servers
    /// that are older stop when it is taken; all others go on, so that they are replaced one by one.
    ///
    /// A step that only adds (a table, an index, a column that may be NULL or has a default) keeps the
    /// number of the step before, where older programs read no less than before and newer ones can live
    /// with what older ones write meanwhile. Any other has its own number.
    works_with: i64,
    text: &'static str,
}

/// In this order. The first one makes all that SQLite's first seven do.
#[rustfmt::skip]
const STEPS: [Step; 7] = [
    Step { number: 7, works_with: 7, text: include_str!("../../migrations/postgres/0007_first.sql") },
    Step { number: 8, works_with: 8, text: include_str!("../../migrations/postgres/0008_traced.sql") },
    Step { number: 9, works_with: 9, text: include_str!("../../migrations/postgres/0009_probes.sql") },
    Step { number: 10, works_with: 10, text: include_str!("../../migrations/postgres/0010_notices.sql") },
    Step { number: 11, works_with: 11, text: include_str!("../../migrations/postgres/0011_turns.sql") },
    Step { number: 12, works_with: 11, text: include_str!("../../migrations/postgres/0012_kinds.sql") },
    Step { number: 13, works_with: 11, text: include_str!("../../migrations/postgres/0013_receipts.sql") },
];

/// The longest that a step may take, and that it waits for others.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The last step that this program knows.
pub(super) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.number)
}

/// Where the schema is. A newer one than this program's is refused, unless it says that this program
/// still works with it, as nodes are replaced one after the other.
pub(super) fn schema(sql: &Sql) -> Result<Schema, StoreError> {
    let table = "SELECT to_regclass('schema_version') IS NOT NULL";
    if !sql.one(table, (), |row| row.get::<bool>(0))? {
        return Ok(Schema { found: 0, known: known() });
    }
    let version = "SELECT step, works_with FROM schema_version";
    let version = sql.find(version, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (found, works_with): (i64, i64) = version.unwrap_or_default();
    check(found, works_with)?;
    Ok(Schema { found, known: known() })
}

/// Whether this program works with a schema after the step `found`.
pub(super) fn check(found: i64, works_with: i64) -> Result<(), StoreError> {
    if works_with > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    Ok(())
}

/// Brings the schema up to date, in one transaction, while no node writes; tells where it was. Both to
/// wait for others and the steps themselves may take their time, as there may be many rows.
pub(super) fn migrate(sql: &Sql) -> Result<Schema, StoreError> {
    let before = schema(sql)?;
    if before.found >= known() {
        // Nobody has to wait for nothing.
        return Ok(before);
    }
    sql.batch("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
    sql.batch_within(&format!("SELECT pg_advisory_xact_lock({LOCKS}, -1)"), LONGEST)?;
    let before = schema(sql)?;
    let missing = STEPS.iter().filter(|step| step.number > before.found);
    for step in missing {
        sql.batch_within(step.text, LONGEST)?;
        sql.execute("DELETE FROM schema_version", ())?;
        sql.execute(
            "INSERT INTO schema_version (step, works_with) VALUES (?1, ?2)",
            [step.number, step.works_with],
        )?;
    }
    sql.batch("COMMIT")?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_are_at_the_same_step() {
        assert_eq!(known(), crate::sqlite::known());
    }

    #[test]
    fn a_program_that_one_step_has_left_behind_no_later_one_takes_back() {
        let works_with = |step: &Step| (step.works_with, step.number);
        assert!(STEPS.iter().all(|step| step.works_with <= step.number));
        assert!(STEPS.iter().map(works_with).is_sorted(), "in the order of the steps");
    }
}
