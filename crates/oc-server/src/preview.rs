//! What the next poll of a resource will ask: its rendered url, and the provider request it becomes.

use oc_config::{Configuration, Diagnostic, HubCall, RenderAt, ResourceConfig, Timestamp};
use oc_hub::{Hub, HubError, Target};
use url::Url;

/// A poll's request.
pub(crate) struct Preview {
    /// The url with its templates filled in, before percent-encoding.
    pub(crate) url: String,
    /// The first request to the provider.
    pub(crate) request: Url,
}

/// Renders a resource's url for a poll that begins at `now`. Sends nothing.
///
/// # Errors
/// What cannot be carried out; the path is that of the resource's url in the configuration.
pub(crate) fn preview(
    target: &Target,
    config: &ResourceConfig,
    configuration: &Configuration,
    last_poll: Timestamp,
    now: Timestamp,
) -> Result<Preview, Diagnostic> {
    let overlap = config.overlap.unwrap_or_else(|| target.lag(&config.resource));
    let at = RenderAt { last_poll: last_poll.minus(config.poll_delay).minus(overlap), now };
    let lookup = |name: &str| configuration.get(name).map(str::to_owned);
    let path = format!("configuration.event.poller.configuration.{}.url", config.name);
    let place = |fault: Diagnostic| Diagnostic { path: path.clone(), ..fault };
    let url = config.url.render(&at, &lookup).map_err(place)?;
    let encoded = config.url.render_encoded(&at, &lookup).map_err(place)?;
    let (call, _) = HubCall::parse(&encoded).map_err(place)?;
    let request = Hub::first_url(target, &call, config.page_size);
    let request = request.map_err(|error| match error {
        HubError::Request(fault) => place(fault),
        other => Diagnostic::error(&path, other.to_string()),
    })?;
    Ok(Preview { url, request })
}
