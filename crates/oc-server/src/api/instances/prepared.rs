//! A request for an instance, carried through to what is stored.

use std::sync::Arc;

use oc_config::{
    Configuration, Connector, Diagnostic, InstanceId, InstanceRequest, InstanceSettings, Timestamp,
};
use oc_hub::Target;
use oc_poll::first_due;
use oc_store::{Instance, InstanceFields, OrganizationId, PolledResource, Warning};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::authentication::{Authenticated, Authentication};
use super::effective;
use super::elsewhere::Change;
use super::recording::Recording;
use super::webhooks;
use crate::api::error::ApiError;
use crate::app::App;
use crate::certificates;
use crate::preview::preview;

/// A request, and what it is about.
pub(super) struct Asked<'a> {
    pub(super) connector: &'a Arc<Connector>,
    pub(super) organization: OrganizationId,
    /// The instance as it is.
    pub(super) before: Option<Instance>,
    pub(super) request: InstanceRequest,
    /// Whether the request replaces the instance.
    pub(super) whole: bool,
}

/// What is to be stored.
pub(super) struct Prepared {
    pub(super) fields: InstanceFields,
    /// Deliveries that had been given up are taken up again.
    pub(super) reactivate: bool,
    /// The recorded authentication.
    pub(super) trace: Option<Uuid>,
}

impl Prepared {
    /// Checks everything that can be checked before the code is exchanged, as that can be done only
    /// once.
    pub(super) async fn new(app: &App, asked: Asked<'_>) -> Result<Self, ApiError> {
        let Asked { connector, organization, before, request, whole } = asked;
        let Given { own, mut configuration, refresh_token, mut warnings } =
            given(connector, before.as_ref(), &request, whole)?;
        configuration = configuration.with_defaults(connector);
        let floor = app.settings.min_refresh_interval;
        let (settings, mut remarks) = InstanceSettings::read(&configuration, connector, floor)
            .map_err(|faults| ApiError::faults(&faults))?;
        remarks.extend(certificates(app, before.as_ref(), &settings, &configuration)?);
        check_polls(app, connector, &settings, &configuration)?;
        check_places(app, organization, &settings, &configuration).await?;
        let recording = Recording::begin(app, &request);
        let authentication = Authentication {
            connector,
            provider: settings.oauth2.as_ref(),
            configuration: &configuration,
            is_known: before.is_some(),
            request: &request,
            refresh_token: refresh_token.as_ref(),
            endpoint: recording.endpoint(),
        };
        let old = before.as_ref().and_then(|before| {
            InstanceSettings::read(&before.configuration, connector, floor).ok().map(|it| it.0)
        });
        if let Some(before) = &before {
            let has_tokens = before.token_obtained.is_some();
            Change {
                connector,
                before: old.as_ref(),
                after: &settings,
                configuration: &configuration,
                given: &own,
                keeps_tokens: has_tokens && !authentication.brings_tokens(),
            }
            .check()?;
        }
        let authenticated = authentication.carry_out(app).await;
        let failed = authenticated.as_ref().err();
        let trace = recording.end(app, organization, connector, failed).await;
        let Authenticated { tokens, start } =
            authenticated.map_err(|failed| failed.traced(trace))?;
        warnings.extend(request.warnings.iter().chain(&remarks).map(Warning::from));
        warnings.extend(missing_key(connector, &configuration));
        warnings.extend(webhooks::unreachable(&settings, &app.settings.public_url));
        warnings.extend(not_handed_over(&request, refresh_token.as_ref()));
        if let Some(old) = &old {
            warnings.extend(starting_anew(old, &settings));
        }
        // The way to the callback has changed, so that what was given up may arrive now.
        let reactivate = before.as_ref().is_some_and(|before| {
            configuration.differs_below("event.notification.", &before.configuration)
        });
        let account = match &before {
            Some(before) => before.account.clone(),
            None => shared_by_client(&settings.base, connector, &configuration),
        };
        let name = request.name.or_else(|| before.as_ref().map(|before| before.name.clone()));
        let kept = before.filter(|_| !whole);
        let tags = request.tags.or_else(|| kept.map(|kept| kept.tags)).unwrap_or_default();
        let fields = InstanceFields {
            name: name.unwrap_or_else(|| connector.name.clone()),
            tags,
            account,
            warnings,
            tokens,
            polled: polled(app, connector, &settings, start),
            destination: settings.destination(),
            configuration,
        };
        Ok(Self { fields, reactivate, trace })
    }
}

/// What the instance's configuration would be.
struct Given {
    /// What the request itself says.
    own: Configuration,
    configuration: Configuration,
    /// The refresh token in the request: it is exchanged, not kept.
    refresh_token: Option<SecretString>,
    warnings: Vec<Warning>,
}

fn given(
    connector: &Connector,
    before: Option<&Instance>,
    request: &InstanceRequest,
    whole: bool,
) -> Result<Given, ApiError> {
    let members = request.configuration.clone().unwrap_or_default();
    let (mut given, faults) = Configuration::from_json(&members, connector);
    if !faults.is_empty() {
        return Err(ApiError::faults(&faults));
    }
    let [_, refresh_token, _] = effective::OWN.map(|key| given.take_secret(key));
    let stored = before.map(|before| &before.configuration);
    let is_stored = |key: &str| stored.is_some_and(|stored| stored.secret(key).is_some());
    let warning = |key: &str| Warning::from(&Diagnostic::masked(key));
    let warnings = given.masks().filter(|key| !is_stored(key)).map(warning).collect();
    // A PUT without any configuration means the name or the tags, not that all is to go.
    let whole = whole && request.configuration.is_some();
    let configuration = match stored {
        Some(stored) => stored.updated(&given, whole),
        None => Configuration::default().updated(&given, true),
    };
    Ok(Given { own: given, configuration, refresh_token, warnings })
}

/// Certificates that could never prove anything are refused now, those that end are warned of.
fn certificates(
    app: &App,
    before: Option<&Instance>,
    settings: &InstanceSettings,
    configuration: &Configuration,
) -> Result<Option<Diagnostic>, ApiError> {
    let certificate =
        |of: &Configuration| of.get("event.notification.client.certificate").map(str::to_owned);
    let is_new = before
        .is_none_or(|before| certificate(&before.configuration) != certificate(configuration));
    let tls = settings.tls.as_ref();
    match tls.and_then(|tls| certificates::remark(tls, is_new, app.clock.now())) {
        Some(fault) if fault.is_error() => Err(ApiError::faults(&[fault])),
        remark => Ok(remark),
    }
}

/// A poll that could never be carried out is refused now, not at its time.
fn check_polls(
    app: &App,
    connector: &Arc<Connector>,
    settings: &InstanceSettings,
    configuration: &Configuration,
) -> Result<(), ApiError> {
    let target = Target {
        instance: InstanceId(0),
        connector: Arc::clone(connector),
        base: settings.base.clone(),
        account: String::new(),
        drop_nulls: settings.drop_nulls,
    };
    let now = app.clock.now();
    let polls = settings.resources.iter();
    let faults: Vec<Diagnostic> =
        polls.filter_map(|one| preview(&target, one, configuration, now, now).err()).collect();
    if faults.is_empty() { Ok(()) } else { Err(ApiError::faults(&faults)) }
}

/// Resources whose cursor is reset, as their url or id field is another one (polling.md, "A poll", 5).
fn starting_anew(old: &InstanceSettings, settings: &InstanceSettings) -> Vec<Warning> {
    let differs = |one: &&oc_config::ResourceConfig| {
        let same = old.resources.iter().find(|other| other.name == one.name);
        same.is_some_and(|other| other.url != one.url || other.id_field != one.id_field)
    };
    let warning = |one: &oc_config::ResourceConfig| Warning {
        path: format!("configuration.event.poller.configuration.{}", one.name),
        message:
            "another url or id field: it starts anew, and only what changes from now on is told"
                .to_owned(),
    };
    settings.resources.iter().filter(differs).map(warning).collect()
}

/// A refused url is refused when it is set (runtime.md, "Network policy"), and a sink that is not
/// there, or not there for this organization.
async fn check_places(
    app: &App,
    organization: OrganizationId,
    settings: &InstanceSettings,
    configuration: &Configuration,
) -> Result<(), ApiError> {
    let sinks = &app.settings.sinks;
    let refusal = settings.sink.as_ref().and_then(|name| sinks.refusal(name, Some(organization.0)));
    let path = "configuration.event.notification.sink";
    let mut faults = Vec::from_iter(refusal.map(|reason| Diagnostic::error(path, reason)));
    let url = |key: &str| configuration.get(key).and_then(|text| Url::parse(text.trim()).ok());
    let set = [
        ("event.notification.callback.url", settings.callback.clone()),
        ("base.url", url("base.url")),
        ("oauth.token.url", url("oauth.token.url")),
        ("oauth.authorization.url", url("oauth.authorization.url")),
    ];
    for (key, url) in set {
        let Some(url) = url else { continue };
        match app.egress.check(&url).await {
            Err(error) if error.is_refused() => {
                let path = format!("configuration.{key}");
                // What a name stands for in the operator's network is not the tenant's to know.
                let is_name = matches!(url.host(), Some(url::Host::Domain(_)));
                let reason = if is_name { error.to_string() } else { error.detail().to_string() };
                faults.push(Diagnostic::error(path, reason));
            }
            // A name that does not resolve now may do so later.
            _ => {}
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::faults(&faults)) }
}

/// What is polled: nothing while events are not enabled.
pub(super) fn polled(
    app: &App,
    connector: &Connector,
    settings: &InstanceSettings,
    start: Timestamp,
) -> Option<Vec<PolledResource>> {
    if !settings.events_enabled {
        return None;
    }
    let now = app.clock.now();
    let resource = |config: &oc_config::ResourceConfig| {
        let is_dated = config.updated.is_some() || config.created.is_some();
        // Without dates only a first reading tells what is there already.
        let due = if is_dated { first_due(now, settings.interval, rand::random()) } else { now };
        PolledResource::new(config, connector, start, due)
    };
    Some(settings.resources.iter().map(resource).collect())
}

/// Until the provider has told more: instances of one client at one provider share a rate limit.
fn shared_by_client(base: &Url, connector: &Connector, configuration: &Configuration) -> String {
    let client = configuration.secret("oauth.api.key");
    let client = client.map_or("", |key| key.expose_secret());
    let digest = xxhash_rust::xxh3::xxh3_64(client.as_bytes());
    format!("{} {} {digest:x}", connector.key, base.origin().ascii_serialization())
}

fn missing_key(connector: &Connector, configuration: &Configuration) -> Option<Warning> {
    let is_missing = connector.oauth2.is_some()
        && crate::credentials::api_key(connector, configuration).is_none()
        && configuration.secret("oauth.api.key").is_none();
    is_missing.then(|| Warning {
        path: "configuration.oauth.api.key".to_owned(),
        message: "it is missing; the code was exchanged without a client id".to_owned(),
    })
}

fn not_handed_over(request: &InstanceRequest, token: Option<&SecretString>) -> Option<Warning> {
    let token = token.filter(|_| !request.hands_over_tokens);
    let is_real = token.is_some_and(|token| token.expose_secret() != oc_config::MASK);
    is_real.then(|| Warning {
        path: "configuration.oauth.user.refresh_token".to_owned(),
        message: "not used; externalAuthentication `initial` hands it over".to_owned(),
    })
}
