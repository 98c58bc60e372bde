//! The outcome of what was sent of lanes, recorded for many lanes at once: a database at the other end
//! of a network is asked as often for a hundred notifications as for one.

use oc_config::Timestamp;
use oc_dispatch::{Failed, LaneId, Next, Settlement};

use super::attempt::{note, note_arrivals, seq_of, seqs_of};
use super::subscription;
use crate::StoreError;
use crate::sql::{Sql, params};

/// A lane whose notifications up to one have arrived.
struct Arrived {
    lane: LaneId,
    through: i64,
    at: Timestamp,
    /// The one behind them has not.
    fails: bool,
}

/// Records what became of new notifications.
pub(super) fn settle(sql: &Sql, settlements: &[&Settlement]) -> Result<(), StoreError> {
    let delivered = || settlements.iter().flat_map(|one| &one.delivered);
    let mut seqs = seqs_of(sql, delivered().map(|(id, _)| *id))?.into_iter();
    let (mut attempts, mut arrived, mut unmoved) = (Vec::new(), Vec::new(), Vec::new());
    for one in settlements {
        let mut through = None;
        for ((_, attempt), seq) in one.delivered.iter().zip(&mut seqs) {
            // What is too old may have been swept away meanwhile.
            if let Some(seq) = seq {
                attempts.push((seq, attempt));
                through = Some((seq, attempt.at));
            }
        }
        let (lane, fails) = (one.lane, one.failed.is_some());
        match through {
            Some((through, at)) => arrived.push(Arrived { lane, through, at, fails }),
            None if !fails => unmoved.push(lane),
            None => {}
        }
    }
    note_arrivals(sql, &attempts)?;
    move_on(sql, &arrived, &unmoved)?;
    settlements.iter().try_for_each(|one| {
        one.failed.as_ref().map_or(Ok(()), |failed| fail(sql, one.lane, failed))
    })
}

/// What is left of a lane goes on at once, unless its first notification has failed.
fn move_on(sql: &Sql, arrived: &[Arrived], unmoved: &[LaneId]) -> Result<(), StoreError> {
    sql.execute_each(
        "UPDATE resource SET delivered_through =
             CASE WHEN delivered_through < ?2 THEN ?2 ELSE delivered_through END,
           head_failures = 0, head_first_failure = NULL,
           lane_due = CASE WHEN ?4 = 1 THEN lane_due
             WHEN ?2 < visible_through AND delivered_through < visible_through
               AND lane_due IS NOT NULL THEN ?3 END
         WHERE id = ?1",
        arrived.iter().map(|one| params![one.lane.0, one.through, one.at.0, one.fails]),
    )?;
    sql.execute_each(
        "UPDATE resource SET lane_due =
           CASE WHEN delivered_through < visible_through AND lane_due IS NOT NULL THEN 0 END
         WHERE id = ?1",
        unmoved.iter().map(|lane| [lane.0]),
    )?;
    Ok(())
}

fn fail(sql: &Sql, lane: LaneId, failed: &Failed) -> Result<(), StoreError> {
    let Some(seq) = seq_of(sql, failed.id)? else { return Ok(()) };
    note(sql, seq, &failed.attempt, false)?;
    let due = match failed.next {
        Next::Retry(at) => Some(at.0),
        Next::Queue { .. } => None,
    };
    sql.execute(
        "UPDATE resource SET head_failures = head_failures + 1,
           head_first_failure = coalesce(head_first_failure, ?2),
           lane_due = CASE WHEN lane_due IS NULL THEN NULL ELSE ?3 END WHERE id = ?1",
        params![lane.0, failed.attempt.ended().0, due],
    )?;
    match failed.next {
        Next::Retry(_) => Ok(()),
        Next::Queue { probe } => subscription::deactivate(sql, lane, &failed.attempt, probe),
    }
}
