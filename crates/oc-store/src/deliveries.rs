//! Deliveries of notifications to subscriptions (notifications.md, "Delivery"). A subscription is
//! an instance's callback.

mod filter;
mod queued;

use std::collections::HashMap;

use bytes::Bytes;
use oc_config::{InstanceId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::events::{EventFilter, EventScope, EventStatus, Found, MOST_EXAMINED, Walk};
use crate::instances::subject;
use crate::postgres::Touches;
use crate::profile::Profiles;
use crate::sql::{Sql, params};
use crate::wakes::Wake;
use crate::{By, Store, StoreError, audit, outbox};

pub use filter::DeliveryFilter;
pub use queued::Queued;

/// The most bytes of bodies of a page.
const MOST_BYTES: usize = 8 << 20;

/// A notification on its way to a subscription.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `message.eventId`.
    pub notification: Uuid,
    /// How far it has come; never [`EventStatus::Consumed`], which is no delivery.
    pub status: EventStatus,
    /// When its poll began.
    pub created: Timestamp,
    /// When it was last tried, else when it was made.
    pub updated: Timestamp,
    /// Where it goes.
    pub subscription: Subscription,
    /// Its exact body, when that was asked for.
    pub body: Option<Bytes>,
}

/// Where an instance's notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The instance, whose number is the subscription's too.
    pub instance: InstanceId,
    /// The callback, as it is configured; `None` when there is none.
    pub url: Option<String>,
    /// Whether it is deactivated.
    pub queued: bool,
}

/// Deliveries, the newest first.
#[derive(Clone, Debug, Default)]
pub struct DeliveryPage {
    /// They, perhaps fewer than asked for, or none, though there are more.
    pub deliveries: Vec<Delivery>,
    /// From where to look further.
    pub next: Option<i64>,
}

/// What goes on again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reactivated {
    /// Subscriptions.
    pub subscriptions: u64,
    /// Notifications that had queued and are sent now.
    pub notifications: u64,
}

impl Store {
    /// At most `limit` deliveries, the newest first, from `before` on.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn deliveries(
        &self,
        mut scope: EventScope,
        filter: DeliveryFilter,
        before: Option<i64>,
        limit: usize,
        with_body: bool,
    ) -> Result<DeliveryPage, StoreError> {
        let profiles = self.profiles.clone();
        if let Some(wanted) = filter.subscription() {
            if scope.instance.is_some_and(|instance| instance != wanted) {
                return Ok(DeliveryPage::default());
            }
            scope.instance = Some(wanted);
        }
        self.database
            .read(move |sql| {
                let narrowed = EventFilter { status: filter.status(), ..EventFilter::default() };
                let mut walk = Walk::new(sql, scope, &narrowed, before)?;
                let mut urls: HashMap<InstanceId, Option<String>> = HashMap::new();
                let (mut page, mut examined, mut bytes) = (DeliveryPage::default(), 0, 0);
                let mut last = None;
                while page.deliveries.len() < limit
                    && examined < MOST_EXAMINED
                    && bytes < MOST_BYTES
                {
                    let Some((seq, lane)) = walk.next()? else { break };
                    (last, examined) = (Some(seq), examined + 1);
                    let found = Found::new(sql, lane, seq)?;
                    if found.status == EventStatus::Consumed {
                        continue;
                    }
                    let url = match urls.get(&lane.instance) {
                        Some(url) => url.clone(),
                        None => {
                            let url = callback(sql, &profiles, lane.instance)?;
                            urls.entry(lane.instance).or_insert(url).clone()
                        }
                    };
                    let (instance, queued) = (lane.instance, lane.queued);
                    let mut delivery = Delivery {
                        notification: found.id,
                        status: found.status,
                        created: found.created,
                        updated: found.last_attempt.unwrap_or(found.created),
                        subscription: Subscription { instance, url, queued },
                        body: None,
                    };
                    if filter.fits(&delivery) {
                        if with_body {
                            let body = found.body(sql)?;
                            bytes += body.len();
                            delivery.body = Some(body);
                        }
                        page.deliveries.push(delivery);
                    }
                }
                page.next = last.filter(|_| walk.has_more());
                Ok(page)
            })
            .await
    }

    /// Sends what has queued for the deactivated subscriptions that fit the filter, as if nothing
    /// had failed.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn reactivate(
        &self,
        scope: EventScope,
        filter: DeliveryFilter,
        by: By,
        now: Timestamp,
    ) -> Result<Reactivated, StoreError> {
        let profiles = self.profiles.clone();
        let reactivate = move |sql: &Sql| {
            let mut done = Reactivated::default();
            for instance in queued(sql, scope)? {
                let url = callback(sql, &profiles, instance)?;
                if filter.fits_queued(&Subscription { instance, url, queued: true }) {
                    done.subscriptions += 1;
                    let count = waiting(sql, instance)?;
                    done.notifications += count;
                    outbox::activate(sql, instance, now)?;
                    let what = ("deliveries.resumed", &*subject(instance));
                    let organization = Some(scope.organization.0);
                    audit::note(sql, now, &by, organization, what, &json!({"count": count}))?;
                }
            }
            Ok(done)
        };
        let done = self.database.write_to(Touches::of(scope), reactivate).await?;
        self.shared.wakes.wake(Wake::Outbox);
        Ok(done)
    }
}

/// The callback or the sink, as it is configured.
fn callback(
    sql: &Sql,
    profiles: &Profiles,
    instance: InstanceId,
) -> Result<Option<String>, StoreError> {
    match profiles.of(sql, instance) {
        Ok(profile) => Ok(profile.and_then(|profile| {
            let sink = profile.settings.sink.as_ref().map(|name| format!("sink:{name}"));
            let url = profile.configuration.get("event.notification.callback.url");
            sink.or_else(|| url.filter(|_| profile.destination.is_some()).map(str::to_owned))
        })),
        Err(error) if error.is_of_database() => Err(error),
        // One whose configuration cannot be read any more has no callback that could be told.
        Err(_) => Ok(None),
    }
}

fn queued(sql: &Sql, scope: EventScope) -> Result<Vec<InstanceId>, StoreError> {
    let (first, last) = scope.instances();
    let values = params![scope.organization.0, first, last];
    let found = sql.all(
        "SELECT id FROM instance WHERE organization_id = ?1 AND id BETWEEN ?2 AND ?3
           AND queued_at IS NOT NULL",
        values,
        |row| row.get(0).map(InstanceId),
    )?;
    Ok(found)
}

pub(crate) fn waiting(sql: &Sql, instance: InstanceId) -> Result<u64, StoreError> {
    sql.one(
        "SELECT count(*) FROM resource r JOIN notification n ON n.resource_id = r.id
           AND n.seq > r.delivered_through AND n.seq <= r.visible_through
         WHERE r.instance_id = ?1",
        [instance.0],
        |row| row.get(0),
    )
}
