//! Instances as rows.

use oc_config::{InstanceId, Timestamp};
use secrecy::SecretString;

use super::{Instance, Warning};
use crate::profile::open_configuration;
use crate::sql::{Params, Row, Sql};
use crate::{OrganizationId, SecretKey, StoreError};

const COLUMNS: &str = "SELECT i.id, i.organization_id, i.user_id, i.connector, i.name, i.tags,
  i.configuration, i.secrets, i.token, i.account, i.warnings, i.created, i.revision, i.stopped,
  i.queued_at, t.obtained_at, coalesce(t.dead, i.refused), i.disabled, i.failures
  FROM instance i LEFT JOIN token_pair t ON t.instance_id = i.id WHERE ";

pub(super) fn one(
    sql: &Sql,
    key: &SecretKey,
    filter: &str,
    values: impl Params,
) -> Result<Option<Instance>, StoreError> {
    Ok(many(sql, key, filter, values)?.pop())
}

pub(super) fn many(
    sql: &Sql,
    key: &SecretKey,
    filter: &str,
    values: impl Params,
) -> Result<Vec<Instance>, StoreError> {
    sql.all(&format!("{COLUMNS}{filter}"), values, |row| read(key, row))
}

/// How many instances a filter finds.
pub(super) fn count(sql: &Sql, filter: &str, values: impl Params) -> Result<u64, StoreError> {
    sql.one(&format!("SELECT count(*) FROM instance i WHERE {filter}"), values, |row| row.get(0))
}

fn read(key: &SecretKey, row: &Row<'_>) -> Result<Instance, StoreError> {
    let id = InstanceId(row.get(0)?);
    let (plain, secrets): (String, Option<Vec<u8>>) = (row.get(6)?, row.get(7)?);
    let token = key.open(&token_of(id), &row.get::<Vec<u8>>(8)?)?;
    let token = std::str::from_utf8(&token).map_err(|error| StoreError::stored("token", error))?;
    let tags: String = row.get(5)?;
    Ok(Instance {
        id,
        organization: OrganizationId(row.get(1)?),
        user: row.get(2)?,
        connector: row.get(3)?,
        name: row.get(4)?,
        tags: serde_json::from_str(&tags).map_err(|error| StoreError::stored("tags", error))?,
        configuration: open_configuration(key, id, &plain, secrets.as_deref())?,
        token: SecretString::from(token),
        account: row.get(9)?,
        warnings: warnings(&row.get::<String>(10)?)?,
        created: Timestamp(row.get(11)?),
        revision: row.get(12)?,
        stopped: row.get(13)?,
        queued_at: row.get::<Option<i64>>(14)?.map(Timestamp),
        token_obtained: row.get::<Option<i64>>(15)?.map(Timestamp),
        dead: row.get(16)?,
        disabled: row.get(17)?,
        failed_polls: row.get(18)?,
    })
}

/// The associated data of a sealed instance token.
pub(super) fn token_of(id: InstanceId) -> String {
    format!("instance/{id}/token")
}

pub(super) fn warnings_json(warnings: &[Warning]) -> Result<String, StoreError> {
    let pairs: Vec<(&str, &str)> =
        warnings.iter().map(|one| (one.path.as_str(), one.message.as_str())).collect();
    super::text(&pairs)
}

fn warnings(text: &str) -> Result<Vec<Warning>, StoreError> {
    let pairs: Vec<(String, String)> =
        serde_json::from_str(text).map_err(|error| StoreError::stored("warnings", error))?;
    Ok(pairs.into_iter().map(|(path, message)| Warning { path, message }).collect())
}
