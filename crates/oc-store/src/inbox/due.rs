//! Which pushed records are to be worked off.

use std::collections::HashSet;

use bytes::Bytes;
use oc_config::{InstanceId, WebhookKind};
use oc_poll::{Due, DuePushed, Pushed, ResourceId};
use rusqlite::Connection;

use super::receive::kind_of;
use crate::StoreError;
use crate::ledger::due_resource;
use crate::profile::Profiles;

/// Records that are worked off at once...
const MOST: usize = 200;
/// ...unless they are as large as this.
const MOST_BYTES: usize = 4 << 20;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
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
pub(super) fn find(
    sql: &Connection,
    profiles: &Profiles,
    limit: usize,
    held: &HashSet<InstanceId>,
) -> Result<Found, StoreError> {
    let mut statement = sql.prepare_cached(
        "SELECT resource_id, min(instance_id), count(*) FROM inbox
         GROUP BY resource_id ORDER BY min(seq)",
    )?;
    let mut rows = statement.query([])?;
    let (mut found, mut taken) = (Found::default(), HashSet::new());
    while found.resources.len() < limit
        && let Some(row) = rows.next()?
    {
        let (resource, instance) = (ResourceId(row.get(0)?), InstanceId(row.get(1)?));
        if held.contains(&instance) || taken.contains(&instance) {
            found.others_wait = true;
            continue;
        }
        match due(sql, profiles, instance, resource, &mut found.staged) {
            Ok(Some(due)) => {
                let pushed = oldest(sql, resource)?;
                found.resources.push(DuePushed { due, pushed });
                taken.insert(instance);
            }
            Ok(None) => found.unwanted.push((resource, row.get(2)?)),
            Err(StoreError::Sqlite(error)) => return Err(error.into()),
            // An instance that cannot be read any more: its next poll says why.
            Err(_) => {}
        }
    }
    Ok(found)
}

fn due(
    sql: &Connection,
    profiles: &Profiles,
    instance: InstanceId,
    resource: ResourceId,
    staged: &mut Vec<ResourceId>,
) -> Result<Option<Due>, StoreError> {
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    due_resource(sql, instance, &profile, resource, staged)
}

fn oldest(sql: &Connection, resource: ResourceId) -> Result<Vec<Pushed>, StoreError> {
    let mut statement = sql
        .prepare_cached("SELECT seq, kind, body FROM inbox WHERE resource_id = ?1 ORDER BY seq")?;
    let mut rows = statement.query([resource.0])?;
    let (mut pushed, mut bytes) = (Vec::new(), 0);
    while pushed.len() < MOST
        && bytes < MOST_BYTES
        && let Some(row) = rows.next()?
    {
        let kind: WebhookKind = kind_of(&row.get::<_, String>(1)?)?;
        let body = Bytes::from(row.get::<_, Vec<u8>>(2)?);
        bytes += body.len();
        pushed.push(Pushed { number: row.get(0)?, kind, body });
    }
    Ok(pushed)
}
