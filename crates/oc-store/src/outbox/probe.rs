//! What came of a probe: whether an instance's deliveries go on by themselves.

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{LaneId, Next, Settlement};
use serde_json::json;

use super::subscription::{activate, owner, reason};
use super::{note, seq_of, settle};
use crate::deliveries::waiting;
use crate::instances::subject;
use crate::sql::{Sql, params};
use crate::{By, StoreError, audit};

/// Records a probe. One that has arrived counts as any delivery, and what waits behind it is sent;
/// one that has failed is only noted, with the time of the next.
pub(super) fn settle(sql: &Sql, settlement: &Settlement) -> Result<(), StoreError> {
    let lane = settlement.lane;
    if let Some(failed) = &settlement.failed {
        let Some(seq) = seq_of(sql, failed.id)? else { return Ok(()) };
        note(sql, seq, &failed.attempt, false)?;
        let next = match failed.next {
            Next::Queue { probe } => probe,
            Next::Retry(at) => Some(at),
        };
        sql.execute(
            "UPDATE instance SET probes = probes + 1, probe_due = ?2, queued_why = ?3
             WHERE id = (SELECT instance_id FROM resource WHERE id = ?1) AND queued_at IS NOT NULL",
            params![lane.0, next.map(|at| at.0), reason(&failed.attempt)],
        )?;
        return Ok(());
    }
    settle::settle(sql, &[settlement])?;
    let Some((_, attempt)) = settlement.delivered.last() else { return Ok(()) };
    let Some((instance, organization)) = owner(sql, lane)? else { return Ok(()) };
    // Somebody may have activated it meanwhile.
    if is_active(sql, instance)? {
        return Ok(());
    }
    let count = waiting(sql, instance)?;
    activate(sql, instance, attempt.at)?;
    bring_forward(sql, lane, attempt.at)?;
    tracing::info!(%instance, count, "Deliveries go on: a probe has arrived");
    let what = ("deliveries.resumed", &*subject(instance));
    let details = json!({"count": count, "probe": true});
    audit::note(sql, attempt.at, &By::operator(), Some(organization), what, &details)
}

fn is_active(sql: &Sql, instance: InstanceId) -> Result<bool, StoreError> {
    let queued = "SELECT id FROM instance WHERE id = ?1 AND queued_at IS NOT NULL";
    Ok(sql.find(queued, [instance.0], |row| row.get::<i64>(0))?.is_none())
}

/// Others whose receiver is at the same destination need not wait for their next probe: the longest
/// interval is a day.
fn bring_forward(sql: &Sql, lane: LaneId, now: Timestamp) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE instance SET probe_due = ?2 WHERE probe_due > ?2 AND id IN
           (SELECT instance_id FROM resource
            WHERE destination = (SELECT destination FROM resource WHERE id = ?1))",
        params![lane.0, now.0],
    )?;
    Ok(())
}
