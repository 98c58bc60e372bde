//! The answer to a sweep that asks whether so much may be told as deleted.

use oc_config::{InstanceId, Timestamp};
use oc_poll::{Sweep, Task};
use serde_json::json;

use super::read_task;
use super::text::task_text;
use crate::audit::{By, note};
use crate::postgres::Touches;
use crate::sql::{Sql, params};
use crate::{OrganizationId, Store, StoreError};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// So many objects are told as deleted, or are taken to be there.
    Taken(u64),
    /// No sweep of that resource asks.
    NothingAsked,
}

impl Store {
    /// Answers the sweep of a resource that waits: `allow` tells all it has found to be gone, else
    /// none is, and the next sweep looks again at its time.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn answer_sweep(
        &self,
        of: (OrganizationId, InstanceId),
        resource: &str,
        allow: bool,
        now: Timestamp,
        by: By,
    ) -> Result<Answered, StoreError> {
        let (name, profiles) = (resource.to_owned(), self.profiles.clone());
        let answer = move |sql: &Sql| {
            let (organization, instance) = of;
            let Some((id, sweep)) = waiting(sql, instance, &name)? else {
                return Ok(Answered::NothingAsked);
            };
            let profile = profiles.of(sql, instance)?;
            let config = profile.as_ref().and_then(|profile| profile.resources.get(&name));
            let every = config.and_then(|config| config.detect_deletes).unwrap_or_default().every;
            let missing = sweep.missing;
            let (next, due) = if allow {
                (Sweep { asks: false, allowed: true, ..sweep }, now)
            } else {
                take_back(sql, id, sweep.number)?;
                let number = sweep.number + 1;
                let since = sweep.started.unwrap_or(now);
                (Sweep { number, since, ..Sweep::default() }, now.plus(every))
            };
            sql.execute(
                "UPDATE resource SET task = ?2, task_due = ?3 WHERE id = ?1",
                params![id, task_text(&Task::Sweep(next)), due.0],
            )?;
            let what = if allow { "deletions.allowed" } else { "deletions.dismissed" };
            let details = json!({"resource": name, "objects": missing});
            let subject = format!("instance {instance}");
            note(sql, now, &by, Some(organization.0), (what, &subject), &details)?;
            Ok(Answered::Taken(missing))
        };
        self.database.write_to(Touches::Instance(of.1), answer).await
    }
}

/// The sweep of a resource that asks, with the resource's number.
fn waiting(
    sql: &Sql,
    instance: InstanceId,
    name: &str,
) -> Result<Option<(i64, Sweep)>, StoreError> {
    let row = sql.find(
        "SELECT id, task FROM resource WHERE instance_id = ?1 AND name = ?2",
        params![instance.0, name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let Some((id, Some(text))): Option<(i64, Option<String>)> = row else { return Ok(None) };
    match read_task(&text)? {
        Task::Sweep(sweep) if sweep.asks => Ok(Some((id, sweep))),
        _ => Ok(None),
    }
}

/// What a sweep has found to be gone counts as seen.
fn take_back(sql: &Sql, resource: i64, number: i64) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE fingerprint SET sweep = ?2 WHERE resource_id = ?1 AND sweep = -?2",
        params![resource, number],
    )?;
    Ok(())
}
