//! Which pushed records are to be worked off.

use std::collections::HashSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use oc_config::{InstanceId, WebhookKind};
use oc_poll::{Due, DuePushed, Pushed, ResourceId};

use super::receive::kind_of;
use crate::StoreError;
use crate::ledger::due_resource;
use crate::profile::Profiles;
use crate::sql::{Sql, params};

/// Records that are worked off at once...
const MOST: usize = 200;
/// ...unless they are as large as this.
const MOST_BYTES: usize = 4 << 20;

/// What was found.
#[derive(Clone, Default)]
pub(super) struct Found {
    /// Resources with records, their instances, and how many records wait.
    pub(super) candidates: Vec<(ResourceId, InstanceId, u64)>,
    pub(super) resources: Vec<DuePushed>,
    /// Of these, those with staged parts that nobody will finish.
    pub(super) staged: Vec<ResourceId>,
    /// Resources that are not configured any more, and how many records wait for them.
    pub(super) unwanted: Vec<(ResourceId, u64)>,
    /// Others wait for whoever holds their instance.
    pub(super) others_wait: bool,
}

/// Up to `limit` resources, those with the oldest records first, one of each instance that is not
/// `held`.
pub(super) fn waiting(sql: &Sql, limit: usize, held: &HashSet<i64>) -> Result<Found, StoreError> {
    let (mut found, mut taken) = (Found::default(), HashSet::new());
    let waiting = "SELECT resource_id, min(instance_id), count(*) FROM inbox
         GROUP BY resource_id ORDER BY min(seq)";
    sql.each(waiting, (), |row| {
        if found.candidates.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        let instance = InstanceId(row.get(1)?);
        if held.contains(&instance.0) || !taken.insert(instance) {
            found.others_wait = true;
        } else {
            found.candidates.push((ResourceId(row.get(0)?), instance, row.get(2)?));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The oldest records of what waits.
pub(super) fn find(sql: &Sql, profiles: &Profiles, mut found: Found) -> Result<Found, StoreError> {
    for &(resource, instance, records) in &found.candidates {
        match due(sql, profiles, instance, resource, &mut found.staged) {
            Ok(Some(due)) => {
                let pushed = oldest(sql, resource)?;
                found.resources.extend((!pushed.is_empty()).then_some(DuePushed { due, pushed }));
            }
            Ok(None) => found.unwanted.push((resource, records)),
            Err(error) if error.is_of_database() => return Err(error),
            // An instance that cannot be read any more: its next poll says why.
            Err(_) => {}
        }
    }
    Ok(found)
}

fn due(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<Due>, StoreError> {
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    due_resource(sql, instance, &profile, resource, staged)
}

fn oldest(sql: &Sql, resource: ResourceId) -> Result<Vec<Pushed>, StoreError> {
    let (mut pushed, mut bytes) = (Vec::new(), 0);
    let oldest = "SELECT seq, kind, body FROM inbox WHERE resource_id = ?1 ORDER BY seq LIMIT ?2";
    sql.each(oldest, params![resource.0, MOST], |row| {
        if bytes >= MOST_BYTES {
            return Ok(ControlFlow::Break(()));
        }
        let kind: WebhookKind = kind_of(&row.get::<String>(1)?)?;
        let body = row.get::<Bytes>(2)?;
        bytes += body.len();
        pushed.push(Pushed { number: row.get(0)?, kind, body });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(pushed)
}
