//! The program's settings: flags, then `OC_*` variables, then `oc.toml`, then defaults.

mod access;
mod failures;
mod file;
mod network;
mod operator;
mod queue;
mod table;
mod tracing;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use oc_sinks::SinkTable;
use oc_store::Location;
use secrecy::SecretString;
use url::Url;

pub(crate) use access::{Access, Origins};
pub(crate) use failures::Failures;
pub(crate) use network::Network;
pub(crate) use operator::Operator;
pub(crate) use queue::Queue;
use table::Found;
pub(crate) use table::arguments;
pub(crate) use tracing::Tracing;

/// All settings, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Url,
    pub(crate) database: Location,
    /// What hands out deliveries, if anything does.
    pub(crate) queue: Option<Queue>,
    pub(crate) secret_key: Option<SecretString>,
    pub(crate) secret_key_file: Option<PathBuf>,
    pub(crate) user_secret: Option<SecretString>,
    pub(crate) organization_secret: Option<SecretString>,
    pub(crate) network: Network,
    pub(crate) connectors_dir: Option<PathBuf>,
    pub(crate) min_refresh_interval: Duration,
    pub(crate) poll_concurrency: usize,
    pub(crate) dispatch_concurrency: usize,
    pub(crate) dispatch_per_destination: usize,
    pub(crate) failures: Failures,
    pub(crate) provider_retry_pause: Duration,
    pub(crate) callback_timeout: Duration,
    pub(crate) poll_failure_threshold: u32,
    pub(crate) event_retention: Duration,
    pub(crate) operator: Option<Operator>,
    pub(crate) sinks: SinkTable,
    pub(crate) access: Access,
    /// Where traces go, if they do.
    pub(crate) tracing: Option<Tracing>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A database as a setting or an option names it.
pub(crate) fn database(text: &str) -> Result<Location, String> {
    value::database(text).ok_or_else(|| format!("expected {DATABASE}"))
}

/// What names a database.
const DATABASE: &str = "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE";

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// Every fault at once: unknown keys, values out of range, what this version does not do; each
    /// names where it stands and what is allowed.
    pub(crate) fn read(matches: &ArgMatches) -> Result<Self, Vec<String>> {
        let mut found = Found::collect(matches)?;
        let settings = Self::from(&mut found);
        match settings {
            Some(settings) if found.faults.is_empty() => Ok(settings),
            _ => Err(found.faults),
        }
    }

    fn from(found: &mut Found) -> Option<Self> {
        let listen = found.parse("listen", "an address and port, as 127.0.0.1:8080", |text| {
            text.parse::<SocketAddr>().ok()
        });
        let public_url = found.optional("public-url", "an http or https url", value::url);
        let database = found.secret_parse("database-url", DATABASE, value::database);
        let queue = Queue::read(found, database.as_ref());
        let network = Network::read(found);
        let log_format = found.parse("log-format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        let mut duration =
            |name| found.parse(name, "a time above 0, as 500ms, 30s, 15m or 7d", value::duration);
        let (shortest, pause, callback, retention) = (
            duration("min-refresh-interval"),
            duration("provider-retry-pause"),
            duration("callback-timeout"),
            duration("event-retention"),
        );
        let failures = Failures::read(found);
        let (access, operator) = (Access::read(found), Operator::read(found));
        let tracing = Tracing::read(found);
        let mut count = |name| found.parse(name, "a number from 1 to 100000", value::count);
        let (polls, deliveries, per_destination, threshold) = (
            count("poll-concurrency"),
            count("dispatch-concurrency"),
            count("dispatch-per-destination"),
            count("poll-failure-threshold"),
        );
        let listen = listen?;
        let mut caller_secret = |name| found.caller_secret(name);
        let (user_secret, organization_secret) =
            (caller_secret("user-secret"), caller_secret("organization-secret"));
        Some(Self {
            listen,
            public_url: match public_url {
                Some(url) => url,
                None => Url::parse(&format!("http://{listen}")).ok()?,
            },
            database: database?,
            queue: queue?,
            secret_key: found.secret("secret-key"),
            secret_key_file: found.text("secret-key-file").map(PathBuf::from),
            user_secret,
            organization_secret,
            network: network?,
            connectors_dir: found.text("connectors-dir").map(PathBuf::from),
            min_refresh_interval: shortest?,
            poll_concurrency: usize::try_from(polls?).ok()?,
            dispatch_concurrency: usize::try_from(deliveries?).ok()?,
            dispatch_per_destination: usize::try_from(per_destination?).ok()?,
            failures: failures?,
            provider_retry_pause: pause?,
            callback_timeout: callback?,
            poll_failure_threshold: threshold?,
            event_retention: retention?,
            operator,
            sinks: std::mem::take(&mut found.sinks),
            access: access?,
            tracing: tracing?,
            log: found.text("log").unwrap_or_default(),
            log_format: log_format?,
        })
    }

    /// Notes where the API listens: of port 0 the system has made a free one.
    pub(crate) fn listens_on(&mut self, address: SocketAddr) {
        self.listen = address;
        if self.public_url.port() == Some(0) {
            // An http url always takes a port.
            let _ = self.public_url.set_port(Some(address.port()));
        }
    }
}

#[cfg(test)]
mod packaged;
#[cfg(test)]
mod tests;
