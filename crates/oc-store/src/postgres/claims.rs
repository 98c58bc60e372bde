//! Claims as rows. The database's clock alone says whether one holds.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use oc_poll::Fence;
use uuid::Uuid;

use crate::StoreError;
use crate::claims::Kind;
use crate::sql::{Later, Sql, params};

/// Whether the row `claim` holds.
const HOLDS: &str = "claim.until > (SELECT time_now()) AND EXISTS
  (SELECT 1 FROM node WHERE node.id = claim.node AND node.until > (SELECT time_now()))";

/// A condition: nobody has claimed what `key` names.
pub(crate) fn is_free(kinds: &[Kind], key: &str) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind as i64).to_string()).collect();
    let kinds = kinds.join(", ");
    format!(
        "NOT EXISTS (SELECT 1 FROM claim WHERE claim.kind IN ({kinds}) AND claim.key = {key} AND {HOLDS})"
    )
}

/// All that is claimed of a kind.
pub(crate) fn held(sql: &Sql, kind: Kind) -> Result<HashSet<i64>, StoreError> {
    let held = format!("SELECT key FROM claim WHERE kind = ?1 AND {HOLDS}");
    Ok(sql.all(&held, [kind as i64], |row| row.get(0))?.into_iter().collect())
}

/// Claims what is free; tells the fence of each that was. What another node is giving back at the
/// moment is waited for.
pub(crate) fn take(
    sql: &Sql,
    node: Uuid,
    kind: Kind,
    keys: &[i64],
    lease: Duration,
) -> Result<HashMap<i64, Fence>, StoreError> {
    // In one order, so that no two nodes wait for each other.
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let take = format!(
        "INSERT INTO claim (kind, key, node, until) VALUES (?1, ?2, ?3, time_now() + ?4)
         ON CONFLICT (kind, key) DO UPDATE SET node = excluded.node, until = excluded.until,
           fence = DEFAULT WHERE NOT ({HOLDS})
         RETURNING fence"
    );
    let (kind_number, lease) = (kind as i64, micros(lease));
    let rows = keys.iter().map(|key| params![kind_number, *key, node, lease]);
    let fences = sql.find_each(&take, rows, |row| row.get(0).map(Fence))?;
    if kind == Kind::Instance {
        // Whoever has waited has it now.
        let taken = keys.iter().zip(&fences).filter(|(_, fence)| fence.is_some());
        let reserved = taken.map(|(key, _)| [Kind::Reserved as i64, *key]);
        sql.execute_each("DELETE FROM claim WHERE kind = ?1 AND key = ?2", reserved)?;
    }
    Ok(keys.into_iter().zip(fences).filter_map(|(key, fence)| Some((key, fence?))).collect())
}

const HOLD: &str = "SELECT 1 FROM claim WHERE kind = ?1 AND key = ?2 AND fence = ?3 FOR UPDATE";
const GIVE_BACK: &str = "DELETE FROM claim WHERE kind = ?1 AND key = ?2 AND fence = ?3 RETURNING 1";

/// Of one claim whether it still holds; when it `ends`, it is given back.
pub(crate) fn hold_later(
    sql: &Sql,
    kind: Kind,
    key: i64,
    fence: Fence,
    ends: bool,
) -> Result<Later<()>, StoreError> {
    let claim = if ends { GIVE_BACK } else { HOLD };
    sql.find_later(claim, [kind as i64, key, fence.0], |_| Ok(()))
}

/// Of each claim whether it still holds; nobody takes those over before the transaction ends.
pub(crate) fn hold_each(
    sql: &Sql,
    claims: impl IntoIterator<Item = (Kind, i64, Fence)>,
) -> Result<Vec<bool>, StoreError> {
    let rows = claims.into_iter().map(|(kind, key, fence)| [kind as i64, key, fence.0]);
    Ok(sql.find_each(HOLD, rows, |_| Ok(()))?.iter().map(Option::is_some).collect())
}

/// Gives a claim back; false when it was another node's.
pub(crate) fn give_back(sql: &Sql, kind: Kind, key: i64, fence: Fence) -> Result<bool, StoreError> {
    Ok(give_back_each(sql, [(kind, key, fence)])? == [true])
}

/// The same of many.
pub(crate) fn give_back_each(
    sql: &Sql,
    claims: impl IntoIterator<Item = (Kind, i64, Fence)>,
) -> Result<Vec<bool>, StoreError> {
    let rows = claims.into_iter().map(|(kind, key, fence)| [kind as i64, key, fence.0]);
    Ok(sql.find_each(GIVE_BACK, rows, |_| Ok(()))?.iter().map(Option::is_some).collect())
}

/// Holds a claim for longer.
pub(crate) fn renew(
    sql: &Sql,
    kind: Kind,
    key: i64,
    fence: Fence,
    lease: Duration,
) -> Result<(), StoreError> {
    let claim =
        "UPDATE claim SET until = time_now() + ?4 WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    sql.execute(claim, [kind as i64, key, fence.0, micros(lease)])?;
    Ok(())
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}
