//! Instances that are switched off and on, and polling that goes on after it had stopped.

use oc_config::{InstanceId, Timestamp};
use serde_json::json;

use super::{PolledResource, polled, subject};
use crate::audit::note;
use crate::postgres::Touches;
use crate::sql::{Sql, params};
use crate::{By, Store, StoreError, hooks};

impl Store {
    /// Switches an instance off: nothing of it is polled, and a poll that runs now stores nothing.
    /// What was found before is still delivered.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn disable_instance(
        &self,
        id: InstanceId,
        by: By,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        self.database
            .write_to(Touches::Instance(id), move |sql| {
                let changed = sql.execute(
                    "UPDATE instance SET disabled = 1, revision = revision + 1
                     WHERE id = ?1 AND disabled = 0",
                    [id.0],
                )?;
                if changed > 0 {
                    sql.execute(
                        "UPDATE resource SET next_due = NULL, revision = revision + 1
                         WHERE instance_id = ?1",
                        [id.0],
                    )?;
                    hooks::fit(sql, &key, &profiles, id, now)?;
                    note_switch(sql, "instance.disabled", id, &by, now)?;
                }
                Ok(())
            })
            .await
    }

    /// Lets everything that is polled of an instance be due; tells how much that is.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn poll_now(&self, id: InstanceId, now: Timestamp) -> Result<usize, StoreError> {
        let due_now = move |sql: &Sql| {
            // What is due already keeps its place.
            let update =
                "UPDATE resource SET next_due = CASE WHEN next_due > ?2 THEN ?2 ELSE next_due END
                 WHERE instance_id = ?1 AND next_due IS NOT NULL";
            sql.execute(update, params![id.0, now.0])
        };
        self.database.write_to(Touches::Instance(id), due_now).await
    }

    /// Switches an instance on whose row is at `revision`, and lets it be polled from where it was,
    /// though polling had stopped.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it has changed or gone.
    pub async fn start_polling(
        &self,
        id: InstanceId,
        revision: i64,
        polled: Option<Vec<PolledResource>>,
        destination: Option<String>,
        by: By,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, profiles) = (self.key.clone(), self.profiles.clone());
        self.database
            .write_to(Touches::Instance(id), move |sql| {
                let disabled = "SELECT disabled FROM instance WHERE id = ?1";
                let disabled = sql.find(disabled, [id.0], |row| row.get(0))?;
                let changed = sql.execute(
                    "UPDATE instance SET disabled = 0, failures = 0, stopped = NULL, refused = NULL,
                       revision = revision + 1 WHERE id = ?1 AND revision = ?2",
                    params![id.0, revision],
                )?;
                if changed == 0 {
                    return Err(StoreError::Conflict);
                }
                let was_off = disabled.unwrap_or(false);
                let action = if was_off { "instance.enabled" } else { "instance.resumed" };
                note_switch(sql, action, id, &by, now)?;
                hooks::fit(sql, &key, &profiles, id, now)?;
                polled::put(sql, id, polled.as_deref(), destination.as_deref(), now)
            })
            .await
    }
}

fn note_switch(
    sql: &Sql,
    action: &str,
    id: InstanceId,
    by: &By,
    now: Timestamp,
) -> Result<(), StoreError> {
    let organization =
        sql.one("SELECT organization_id FROM instance WHERE id = ?1", [id.0], |row| row.get(0))?;
    note(sql, now, by, Some(organization), (action, &subject(id)), &json!({}))
}
