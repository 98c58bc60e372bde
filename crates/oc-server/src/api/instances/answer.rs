//! An instance as an answer shows it (instances.md, "Answer").

use std::collections::BTreeMap;

use oc_config::{InstanceSettings, Timestamp};
use oc_store::{Instance, User};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::effective;
use super::queued::QueuedAnswer;
use super::tasks::ResourceTask;
use super::webhooks::WebhooksAnswer;
use crate::api::elements::Element;
use crate::api::error::ApiError;
use crate::app::App;

/// A connector instance. Secrets are masked, except for its own token, which clients re-read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Instance)]
pub(super) struct InstanceAnswer {
    id: i64,
    name: String,
    created_date: String,
    /// What calls prove themselves with: `Element <token>`.
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    element: Option<Element>,
    /// Null when the connector's definition has gone.
    element_id: Option<u32>,
    tags: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    provision_interactions: Vec<Json>,
    /// Whether the provider lets it in, as far as is known.
    valid: bool,
    /// Whether it is switched off.
    disabled: bool,
    max_cache_size: u32,
    cache_time_to_live: u32,
    /// The effective configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    configuration: Option<BTreeMap<String, Option<String>>>,
    events_enabled: bool,
    trace_logging_enabled: bool,
    caching_enabled: bool,
    external_authentication: &'static str,
    /// Who made it.
    user: Option<Owner>,
    /// What of the request was read in another way than it was written.
    warnings: Vec<Remark>,
    /// Why it must be authorized again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authentication_error: Option<String>,
    /// Polls that have failed in a row since it was last changed; each is repeated.
    failed_polls: u32,
    /// Why polling has stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    polling_stopped: Option<String>,
    /// Since when notifications are only kept, as the callback has failed for too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    delivery_queued_since: Option<String>,
    /// The same with its reason, where one instance is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    delivery_queued: Option<QueuedAnswer>,
    /// What is done for its resources besides polling, where one instance is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<ResourceTask>,
    /// How the provider tells of changes, where one instance is asked for and it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    webhooks: Option<WebhooksAnswer>,
    /// What its account may still spend of the provider's rate limit, where one instance is asked for
    /// and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rate_budget: Option<RateBudgetAnswer>,
    /// The connector's objects, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) objects: Option<Vec<String>>,
}

/// What an account may still spend.
#[derive(Serialize, ToSchema)]
#[schema(as = RateBudget)]
struct RateBudgetAnswer {
    /// The points of each window of the provider's limit that are taken.
    points: u32,
    /// Those of them that are left of the running one.
    left: u32,
    /// When there are all of them again.
    renewed: String,
}

/// A user who owns an instance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InstanceUser)]
struct Owner {
    id: i64,
    email_address: String,
    first_name: String,
    last_name: String,
}

/// A remark on a request.
#[derive(Serialize, ToSchema)]
#[schema(as = InstanceWarning)]
struct Remark {
    /// Dotted path into the request.
    path: String,
    message: String,
}

/// The whole instance.
pub(super) async fn of(app: &App, instance: &Instance) -> Result<InstanceAnswer, ApiError> {
    let user = app.store.user(instance.user).await?;
    let states = app.store.resource_states(instance.id).await?;
    let tasks = states.iter().filter_map(ResourceTask::of).collect();
    let webhooks = WebhooksAnswer::of(app.store.hook_state(instance.id).await?);
    let delivery_queued = app.store.queued(instance.id).await?.map(QueuedAnswer::from);
    Ok(InstanceAnswer {
        tasks,
        webhooks,
        delivery_queued,
        rate_budget: rate_budget(app, instance),
        ..with_user(app, instance, user.as_ref())
    })
}

fn rate_budget(app: &App, instance: &Instance) -> Option<RateBudgetAnswer> {
    let connector = app.catalogue.find(&instance.connector)?;
    let budget = app.hub.rate_budget(connector, &instance.account, app.clock.now())?;
    let (points, left) = (budget.points, budget.left);
    Some(RateBudgetAnswer { points, left, renewed: budget.renewed.to_seconds_text() })
}

/// The whole instance, when its user is known already.
pub(super) fn with_user(app: &App, instance: &Instance, user: Option<&User>) -> InstanceAnswer {
    let connector = app.catalogue.find(&instance.connector).map(AsRef::as_ref);
    let floor = app.settings.min_refresh_interval;
    let settings = connector
        .and_then(|of| InstanceSettings::read(&instance.configuration, of, floor).ok())
        .map(|(settings, _)| settings);
    let element = connector.map_or_else(|| Element::vanished(&instance.connector), Element::new);
    let remark =
        |one: &oc_store::Warning| Remark { path: one.path.clone(), message: one.message.clone() };
    InstanceAnswer {
        id: instance.id.0,
        name: instance.name.clone(),
        created_date: instance.created.to_seconds_text(),
        token: instance.token.expose_secret().to_owned(),
        element: Some(element),
        element_id: connector.map(|one| one.id),
        tags: instance.tags.clone(),
        provision_interactions: Vec::new(),
        valid: instance.dead.is_none() && connector.is_some(),
        disabled: instance.disabled,
        max_cache_size: 0,
        cache_time_to_live: 0,
        configuration: Some(effective::configuration(connector, instance, settings.as_ref())),
        events_enabled: settings.as_ref().is_some_and(|settings| settings.events_enabled),
        trace_logging_enabled: false,
        caching_enabled: false,
        external_authentication: "none",
        user: user.map(Owner::new),
        warnings: instance.warnings.iter().map(remark).collect(),
        authentication_error: instance.dead.clone(),
        failed_polls: instance.failed_polls,
        polling_stopped: instance.stopped.clone(),
        delivery_queued_since: instance.queued_at.map(Timestamp::to_seconds_text),
        delivery_queued: None,
        rate_budget: None,
        tasks: Vec::new(),
        webhooks: None,
        objects: None,
    }
}

impl InstanceAnswer {
    /// Without what `hydrate=false` leaves out.
    pub(super) fn dry(mut self) -> Self {
        self.element = None;
        self.configuration = None;
        self
    }
}

impl Owner {
    fn new(user: &User) -> Self {
        Self {
            id: user.id,
            email_address: user.email.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
        }
    }
}
