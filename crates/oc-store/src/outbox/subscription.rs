//! The subscription of an instance, deactivated after a last failure and activated again.

use oc_config::{InstanceId, Timestamp};
use oc_dispatch::{Attempt, LaneId};
use serde_json::json;

use crate::deliveries::waiting;
use crate::instances::subject;
use crate::sql::{Sql, params};
use crate::{By, StoreError, audit, notice, replay};

/// Nothing of the lane's instance is sent from now on, but a probe when there is one.
pub(super) fn deactivate(
    sql: &Sql,
    lane: LaneId,
    attempt: &Attempt,
    probe: Option<Timestamp>,
) -> Result<(), StoreError> {
    let Some((instance, organization)) = owner(sql, lane)? else { return Ok(()) };
    let (why, probe) = (reason(attempt), probe.map(|at| at.0));
    let deactivated = sql.execute(
        "UPDATE instance SET queued_at = ?2, queued_why = ?3, probe_due = ?4, probes = 0
         WHERE id = ?1 AND queued_at IS NULL",
        params![instance.0, attempt.at.0, why, probe],
    )?;
    if deactivated == 0 {
        // Another lane was first; what this one has met may forbid a probe, and does not bring one.
        if probe.is_none() {
            sql.execute("UPDATE instance SET probe_due = NULL WHERE id = ?1", [instance.0])?;
        }
        return Ok(());
    }
    tracing::warn!(%instance, why, "Deliveries queue: the last attempt of a notification has failed");
    sql.execute(
        "UPDATE resource SET lane_due = NULL, replay_due = NULL WHERE instance_id = ?1",
        [instance.0],
    )?;
    let what = ("deliveries.queued", &*subject(instance));
    let details = json!({"reason": why, "url": attempt.url, "waiting": waiting(sql, instance)?});
    notice::tell(sql, instance, what.0, &details)?;
    let details = json!({"reason": why});
    audit::note(sql, attempt.at, &By::operator(), Some(organization), what, &details)
}

/// Sends what waits for an instance again from now on, as if nothing had failed.
pub(crate) fn activate(
    sql: &Sql,
    instance: InstanceId,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let was_queued = sql.execute(
        "UPDATE instance SET queued_at = NULL, queued_why = NULL, probe_due = NULL, probes = 0
         WHERE id = ?1 AND queued_at IS NOT NULL",
        [instance.0],
    )?;
    if was_queued > 0 {
        let details = json!({"waiting": waiting(sql, instance)?});
        notice::tell(sql, instance, "deliveries.resumed", &details)?;
    }
    let lanes = sql.execute(
        "UPDATE resource SET lane_due = ?2, head_failures = 0, head_first_failure = NULL
         WHERE instance_id = ?1 AND delivered_through < visible_through",
        params![instance.0, now.0],
    )?;
    replay::resume(sql, instance, now)?;
    Ok(lanes)
}

/// The instance of a lane and its organization, while they are there.
pub(super) fn owner(sql: &Sql, lane: LaneId) -> Result<Option<(InstanceId, i64)>, StoreError> {
    sql.find(
        "SELECT i.id, i.organization_id FROM resource r JOIN instance i ON i.id = r.instance_id
         WHERE r.id = ?1",
        [lane.0],
        |row| Ok((InstanceId(row.get(0)?), row.get(1)?)),
    )
}

/// Why an attempt has failed, in a few words.
pub(super) fn reason(attempt: &Attempt) -> String {
    match (attempt.status, &attempt.error) {
        (Some(status), Some(error)) => format!("the receiver answered {status}: {error}"),
        (Some(status), None) => format!("the receiver answered {status}"),
        (None, error) => error.clone().unwrap_or_else(|| "no answer".to_owned()),
    }
}
