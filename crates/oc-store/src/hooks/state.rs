//! How an instance's webhooks stand, for its owner to see.

use oc_config::{InstanceId, Timestamp};

use super::{subscribed, wanted};
use crate::sql::Sql;
use crate::{Store, StoreError};

/// How the webhooks of an instance stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookState {
    /// The events it wants; none when it is not to be told by the provider.
    pub wanted: Vec<String>,
    /// The events that the provider was found to be subscribed to.
    pub subscribed: Vec<String>,
    /// Records that were received and are not worked off.
    pub waiting: u64,
    /// When the subscriptions are looked at next.
    pub due: Option<Timestamp>,
    /// Why they do not fit.
    pub error: Option<String>,
}

impl Store {
    /// How the webhooks of an instance stand; `None` when it never had any.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn hook_state(&self, id: InstanceId) -> Result<Option<HookState>, StoreError> {
        self.database.read(move |sql| state(sql, id)).await
    }
}

fn state(sql: &Sql, id: InstanceId) -> Result<Option<HookState>, StoreError> {
    let row = sql.find(
        "SELECT wanted, due, error, (SELECT count(*) FROM inbox WHERE instance_id = ?1)
             FROM hook WHERE instance_id = ?1",
        [id.0],
        |row| {
            let due = row.get::<Option<i64>>(1)?.map(Timestamp);
            Ok((row.get::<String>(0)?, due, row.get(2)?, row.get(3)?))
        },
    )?;
    let Some((wanted, due, error, waiting)) = row else { return Ok(None) };
    let subscribed = subscribed(sql, id)?.into_iter().map(|one| one.event).collect();
    let wanted = wanted::read(&wanted)?;
    Ok(Some(HookState { wanted, subscribed, waiting, due, error }))
}
