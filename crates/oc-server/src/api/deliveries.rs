//! Deliveries to subscriptions, and letting those go on that have queued (notifications.md,
//! "Delivery").

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use oc_store::{Delivery, DeliveryFilter, Subscription};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::caller::Scope;
use super::calls::{Call, Calls, Record, Wants};
use super::error::ApiError;
use super::paging::{self, Page};
use super::query::Parameters;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = |summary| Call::new("deliveries", summary, Wants::Instance);
    let path = "/notifications/subscriptions/deliveries";
    Calls::new()
        .on(
            &Method::GET,
            path,
            list,
            call("Deliveries of notifications, newest first")
                .query::<Asked>()
                .answers::<Vec<DeliveryRecord>>()
                .answers_header("Elements-Returned-Count", "how many these are")
                .answers_header(
                    "Elements-Next-Page-Token",
                    "the value of nextPage for the next ones; a page with it may be short or empty",
                ),
        )
        .on(
            &Method::PUT,
            path,
            reactivate,
            call("Reactivate subscriptions and send what has queued")
                .query::<Chosen>()
                .answers::<ReactivatedAnswer>(),
        )
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// A condition on channel, status, config.url, subscriptionId, notificationId, createdDate and
    /// updatedDate.
    #[serde(rename = "where")]
    condition: Option<String>,
    /// Whether notification and subscription are embedded.
    hydrate: Option<bool>,
    /// Deliveries a page, at most 500.
    page_size: Option<usize>,
    /// The value of an `Elements-Next-Page-Token`.
    next_page: Option<String>,
}

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
struct Chosen {
    /// `status='queued'`, and further conditions on channel, config.url and subscriptionId.
    #[serde(rename = "where")]
    #[param(value_type = String)]
    condition: Option<String>,
}

/// A notification on its way to a subscription.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryRecord {
    /// `message.eventId` of the notification.
    notification_id: String,
    /// The subscription: one for each instance, with its number.
    subscription_id: i64,
    /// created (it waits), retry (it failed and is sent again), queued, or notified (it has arrived).
    status: &'static str,
    /// When it was made.
    created_date: String,
    /// When it was last tried, else when it was made.
    updated_date: String,
    /// The notification as it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Record>, nullable = false)]
    notification: Option<Box<RawValue>>,
    /// The subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subscription: Option<SubscriptionRecord>,
}

/// Where an instance's notifications go.
#[derive(Serialize, ToSchema)]
struct SubscriptionRecord {
    /// The instance's number.
    id: i64,
    /// `webhook`.
    channel: &'static str,
    /// Whether anything is sent.
    active: bool,
    config: SubscriptionConfig,
}

/// How a subscription is configured.
#[derive(Serialize, ToSchema)]
struct SubscriptionConfig {
    /// The callback.
    url: Option<String>,
}

/// What goes on.
#[derive(Serialize, ToSchema)]
struct ReactivatedAnswer {
    /// How many notifications had queued and are sent now.
    count: u64,
    /// Of how many subscriptions.
    subscriptions: u64,
}

async fn list(
    State(app): State<App>,
    Scope(scope, _): Scope,
    Parameters(asked): Parameters<Asked>,
) -> Result<Page<DeliveryRecord>, ApiError> {
    let filter = match asked.condition.as_deref() {
        None => DeliveryFilter::default(),
        Some(text) => DeliveryFilter::parse(text)
            .map_err(|fault| ApiError::faults(&[fault.under("where")]))?,
    };
    let before = paging::begin(asked.next_page.as_deref())?;
    let (size, hydrate) = (paging::size(asked.page_size), asked.hydrate.unwrap_or(false));
    let found = app.store.deliveries(scope, filter, before, size, hydrate).await?;
    let record = |delivery| DeliveryRecord::new(delivery, hydrate);
    Ok(Page { entries: found.deliveries.into_iter().map(record).collect(), next: found.next })
}

async fn reactivate(
    State(app): State<App>,
    Scope(scope, by): Scope,
    Parameters(chosen): Parameters<Chosen>,
) -> Result<Json<ReactivatedAnswer>, ApiError> {
    let filter = DeliveryFilter::parse_queued(chosen.condition.as_deref().unwrap_or_default())
        .map_err(|fault| ApiError::faults(&[fault.under("where")]))?;
    let done = app.store.reactivate(scope, filter, by, app.clock.now()).await?;
    tracing::info!(
        organization = scope.organization.0,
        done.subscriptions,
        done.notifications,
        "Subscriptions reactivated"
    );
    let (count, subscriptions) = (done.notifications, done.subscriptions);
    Ok(Json(ReactivatedAnswer { count, subscriptions }))
}

impl DeliveryRecord {
    fn new(delivery: Delivery, hydrate: bool) -> Self {
        let body = delivery.body.as_ref();
        Self {
            notification_id: delivery.notification.to_string(),
            subscription_id: delivery.subscription.instance.0,
            status: delivery.status_name(),
            created_date: delivery.created.to_seconds_text(),
            updated_date: delivery.updated.to_seconds_text(),
            notification: body.and_then(|body| serde_json::from_slice(body).ok()),
            subscription: hydrate.then(|| SubscriptionRecord::from(delivery.subscription)),
        }
    }
}

impl From<Subscription> for SubscriptionRecord {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.instance.0,
            channel: "webhook",
            active: !subscription.queued,
            config: SubscriptionConfig { url: subscription.url },
        }
    }
}
