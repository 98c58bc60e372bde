//! Receiving what a provider pushes: for whom it is, and keeping it.

use std::sync::Arc;

use bytes::Bytes;
use oc_config::{Connector, InstanceId, Timestamp, WebhookKind};
use secrecy::SecretString;

use crate::hooks::open_secret;
use crate::postgres::Touches;
use crate::profile::Profiles;
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{SecretKey, Store, StoreError};

/// The most records of an instance that wait.
const MOST_WAITING: i64 = 10_000;

/// The instance that a url belongs to.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The instance.
    pub instance: InstanceId,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// What its deliveries are signed with.
    pub secret: SecretString,
    /// The resources that are to be told of: name, and the connector's resource.
    resources: Vec<(String, String)>,
}

/// What became of a pushed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is kept, and will be worked off.
    Kept,
    /// Nobody wants it.
    Unwanted,
    /// Too many wait already.
    Full,
}

impl Store {
    /// The instance whose url ends so, while it is to be told by its provider.
    ///
    /// # Errors
    /// When the storage fails, or the instance cannot be read any more.
    pub async fn receiver(&self, suffix: &str) -> Result<Option<Receiver>, StoreError> {
        let (key, profiles, suffix) = (self.key.clone(), self.profiles.clone(), suffix.to_owned());
        self.database.read(move |sql| receiver(sql, &key, &profiles, &suffix)).await
    }

    /// Keeps a record of one of the connector's resources that an instance was sent.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn receive(
        &self,
        receiver: &Receiver,
        (resource, kind): (&str, WebhookKind),
        body: Bytes,
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        let instance = receiver.instance;
        let names = receiver.resources.iter().filter(|(_, of)| of == resource);
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        let keep = move |sql: &Sql| keep(sql, instance, &names, kind, &body, now);
        let received = self.database.write_to(Touches::Instance(instance), keep).await?;
        if received == Received::Kept {
            self.shared.wakes.wake(Wake::Pushed);
        }
        Ok(received)
    }
}

fn receiver(
    sql: &Sql,
    key: &SecretKey,
    profiles: &Profiles,
    suffix: &str,
) -> Result<Option<Receiver>, StoreError> {
    let row = sql.find(
        "SELECT instance_id, secret FROM hook WHERE suffix = ?1 AND wanted <> '[]'",
        [suffix],
        |row| Ok((InstanceId(row.get(0)?), row.get::<Vec<u8>>(1)?)),
    )?;
    let Some((instance, sealed)) = row else { return Ok(None) };
    let Some(profile) = profiles.of(sql, instance)? else { return Ok(None) };
    let resources = profile.pushed().map(|(name, of)| (name.to_owned(), of.to_owned())).collect();
    let (connector, secret) =
        (Arc::clone(&profile.connector), open_secret(key, instance, &sealed)?);
    Ok(Some(Receiver { instance, connector, secret, resources }))
}

fn keep(
    sql: &Sql,
    instance: InstanceId,
    names: &[String],
    kind: WebhookKind,
    body: &Bytes,
    now: Timestamp,
) -> Result<Received, StoreError> {
    let waiting: i64 = sql.one(
        "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE instance_id = ?1 LIMIT ?2) AS waiting",
        params![instance.0, MOST_WAITING],
        |row| row.get(0),
    )?;
    if waiting >= MOST_WAITING {
        return Ok(Received::Full);
    }
    let kind = word(kind);
    let kept = sql.count_each(
        "INSERT INTO inbox (instance_id, resource_id, kind, received, body)
         SELECT instance_id, id, ?3, ?4, ?5 FROM resource WHERE instance_id = ?1 AND name = ?2",
        names.iter().map(|name| params![instance.0, *name, kind, now.0, body[..]]),
    )?;
    Ok(if kept.into_iter().sum::<usize>() > 0 { Received::Kept } else { Received::Unwanted })
}

fn word(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::Created => "created",
        WebhookKind::Updated => "updated",
        WebhookKind::Deleted => "deleted",
    }
}

/// The kind of a row.
pub(super) fn kind_of(text: &str) -> Result<WebhookKind, StoreError> {
    let kinds = [WebhookKind::Created, WebhookKind::Updated, WebhookKind::Deleted];
    let found = kinds.into_iter().find(|kind| word(*kind) == text);
    found.ok_or_else(|| StoreError::stored("inbox", format!("`{text}` is no kind")))
}
