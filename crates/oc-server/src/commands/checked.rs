//! A request for an instance, read as the server would read it; talks to nobody.

use std::sync::Arc;

use oc_config::{
    Catalogue, Configuration, Connector, Diagnostic, InstanceId, InstanceRequest, InstanceSettings,
    ResourceConfig, Timestamp,
};
use oc_egress::Clock;
use oc_hub::Target;
use serde_json::{Value as Json, json};

use crate::certificates;
use crate::preview::{Preview, preview};
use crate::settings::Settings;

/// A request that would be accepted.
pub(super) struct Checked {
    pub(super) connector: Arc<Connector>,
    pub(super) configuration: Configuration,
    pub(super) settings: InstanceSettings,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Checked {
    pub(super) fn new(
        request: InstanceRequest,
        connector: &Arc<Connector>,
        settings: &Settings,
    ) -> Result<Self, Vec<Diagnostic>> {
        let members = request.configuration.unwrap_or_default();
        let (configuration, faults) = Configuration::from_json(&members, connector);
        let configuration = configuration.with_defaults(connector);
        let read = InstanceSettings::read(&configuration, connector, settings.min_refresh_interval);
        let sinks = &settings.sinks;
        let (settings, more) = read.map_err(|mut all| {
            all.splice(0..0, faults.clone());
            all
        })?;
        let refusal = settings.sink.as_ref().and_then(|name| sinks.refusal(name, None));
        let path = "configuration.event.notification.sink";
        let refusal = refusal.map(|reason| Diagnostic::error(path, reason));
        let faults: Vec<_> = faults.into_iter().chain(refusal).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let now = Clock::system().now();
        let remark = settings.tls.as_ref().and_then(|tls| certificates::remark(tls, true, now));
        if let Some(fault) = remark.as_ref().filter(|remark| remark.is_error()) {
            return Err(vec![fault.clone()]);
        }
        let warnings = request.warnings.into_iter().chain(more).chain(remark).collect();
        Ok(Self { connector: Arc::clone(connector), configuration, settings, warnings })
    }

    /// A resource's rendered url, and the provider request it becomes.
    pub(super) fn resource(
        &self,
        config: &ResourceConfig,
        last_poll: Timestamp,
        now: Timestamp,
    ) -> Json {
        match self.preview(config, last_poll, now) {
            Ok(shown) => json!({"url": shown.url, "request": format!("GET {}", shown.request)}),
            Err(fault) => json!({"error": fault.to_string()}),
        }
    }

    /// Why a resource could never be polled.
    pub(super) fn fault_of(&self, config: &ResourceConfig, now: Timestamp) -> Option<Diagnostic> {
        self.preview(config, now, now).err()
    }

    fn preview(
        &self,
        config: &ResourceConfig,
        last_poll: Timestamp,
        now: Timestamp,
    ) -> Result<Preview, Diagnostic> {
        let target = Target {
            instance: InstanceId(0),
            connector: Arc::clone(&self.connector),
            base: self.settings.base.clone(),
            account: String::new(),
            drop_nulls: self.settings.drop_nulls,
        };
        preview(&target, config, &self.configuration, last_poll, now)
    }
}

/// A connector by its key or number.
pub(super) fn connector<'c>(
    catalogue: &'c Catalogue,
    key: &str,
) -> Result<&'c Arc<Connector>, Vec<Diagnostic>> {
    catalogue.find(key).ok_or_else(|| {
        let known: Vec<&str> = catalogue.iter().map(|one| one.key.as_str()).collect();
        let message = format!("there is no connector `{key}`; there are: {}", known.join(", "));
        vec![Diagnostic::error("element.key", message)]
    })
}
