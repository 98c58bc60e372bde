//! The program put together: the one place that names all concrete types.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use oc_config::{Catalogue, Connector};
use oc_dispatch::{
    Callback, Destination, Dispatcher, DispatcherSettings, Herald, Outbox, Webhooks,
};
use oc_egress::{Clock, Dice, Egress, Names, Policy};
use oc_hub::{Hub, Retry};
use oc_oauth::{Patience, TokenEndpoint, Tokens};
use oc_poll::{
    Caretaker, CaretakerSettings, Intake, IntakeSettings, Poller, PollerSettings, Subscriber,
    SubscriberSettings,
};
use oc_queue::{Queue, QueueSettings};
use oc_sinks::{Sinks, Transports};
use oc_store::{Store, StoreOptions};
use tokio_util::task::TaskTracker;

use crate::credentials::Credentials;
use crate::key_locks::KeyLocks;
use crate::secret_key_file;
use crate::settings::Settings;

/// How long a stop waits for what is under way (runtime.md, "Ports and signals").
pub(crate) const DRAIN: Duration = Duration::from_secs(9);
/// The longest time between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long a claim holds that nobody renews.
const LEASE: Duration = Duration::from_secs(60);
/// How long a lane is sent before others have their turn.
const STINT: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!("open-connectors/", env!("CARGO_PKG_VERSION"));

/// Everything that the commands share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) clock: Clock,
    pub(crate) egress: Egress,
    pub(crate) sinks: Sinks,
    pub(crate) store: Store,
    /// What hands out deliveries to this process, if anything does.
    pub(crate) queue: Option<Queue>,
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) tokens: Tokens,
    pub(crate) hub: Hub,
    /// Requests that are carried through though their client has gone.
    pub(crate) unfinished: TaskTracker,
    /// Creations under way that clients have named.
    pub(crate) creations: KeyLocks,
}

impl App {
    /// Opens the store and wires the layers.
    pub(crate) async fn build(settings: Settings) -> anyhow::Result<Self> {
        let catalogue = Arc::new(catalogue(&settings)?);
        let policy = Policy::allowing(settings.network.allowed.clone(), vec![settings.listen]);
        let egress = egress(&settings, policy)?;
        let options = StoreOptions {
            database: settings.database.clone(),
            key: secret_key_file::load(&settings)?,
            catalogue: Arc::clone(&catalogue),
            shortest_interval: settings.min_refresh_interval,
        };
        let store = Store::open(options).await.context("the database cannot be opened")?;
        let clock = store.clock();
        let (table, within) = (settings.sinks.clone(), settings.callback_timeout);
        let sinks = Sinks::new(table, clock.clone(), within).context("a sink cannot be set up")?;
        let endpoint = TokenEndpoint::new(egress.clone());
        let vault = Arc::new(store.clone());
        let tokens = Tokens::new(vault, endpoint.clone(), clock.clone(), Patience::default());
        let authorizer = Credentials {
            tokens: tokens.clone(),
            store: store.clone(),
            catalogue: Arc::clone(&catalogue),
        };
        let retry = Retry { pause: settings.provider_retry_pause, ..Retry::default() };
        let authorizer = Arc::new(authorizer);
        let hub = Hub::sharing(egress.clone(), clock.clone(), authorizer, retry, store.purse());
        let settings = Arc::new(settings);
        let unfinished = TaskTracker::new();
        let creations = KeyLocks::default();
        Ok(Self {
            settings,
            catalogue,
            clock,
            egress,
            sinks,
            store,
            queue: None,
            endpoint,
            tokens,
            hub,
            unfinished,
            creations,
        })
    }

    pub(crate) fn poller(&self) -> Poller {
        Poller {
            ledger: Arc::new(self.store.clone()),
            source: Arc::new(self.hub.clone()),
            clock: self.clock.clone(),
            dice: Dice::system(),
            settings: PollerSettings {
                concurrency: self.settings.poll_concurrency,
                failure_threshold: self.settings.poll_failure_threshold,
                lease: LEASE,
                look_every: LOOK_EVERY,
            },
        }
    }

    /// Loads and sweeps: a quarter of what polls may do at the same time.
    pub(crate) fn caretaker(&self) -> Caretaker {
        Caretaker {
            ledger: Arc::new(self.store.clone()),
            tasks: Arc::new(self.store.clone()),
            source: Arc::new(self.hub.clone()),
            clock: self.clock.clone(),
            dice: Dice::system(),
            settings: CaretakerSettings {
                concurrency: self.settings.poll_concurrency.div_ceil(4),
                lease: LEASE,
                look_every: LOOK_EVERY,
            },
        }
    }

    /// Subscribes at providers; its claims are the store's, so that there may be several.
    pub(crate) fn subscriber(&self) -> Subscriber {
        let mut callbacks = self.settings.public_url.clone();
        let below = callbacks.path().trim_end_matches('/');
        let path = format!("{below}/elements/api-v2/events");
        callbacks.set_path(&path);
        Subscriber {
            hooks: Arc::new(self.store.clone()),
            provider: Arc::new(self.hub.clone()),
            callbacks,
            clock: self.clock.clone(),
            dice: Dice::system(),
            settings: SubscriberSettings {
                concurrency: self.settings.poll_concurrency.div_ceil(4),
                lease: LEASE,
                look_every: LOOK_EVERY,
            },
        }
    }

    /// Works off what providers have pushed.
    pub(crate) fn intake(&self) -> Intake {
        Intake {
            inbox: Arc::new(self.store.clone()),
            ledger: Arc::new(self.store.clone()),
            clock: self.clock.clone(),
            settings: IntakeSettings {
                concurrency: self.settings.poll_concurrency.div_ceil(4),
                lease: LEASE,
                look_every: LOOK_EVERY,
            },
        }
    }

    /// Connects to the queue, where the settings have one.
    pub(crate) async fn connect_queue(&mut self) -> anyhow::Result<()> {
        let Some(queue) = &self.settings.queue else { return Ok(()) };
        let settings = QueueSettings {
            servers: queue.servers.clone(),
            replicas: queue.replicas,
            max_ack_pending: queue.max_ack_pending,
            outbox: self.store.identity().await.context("the database has no name")?,
            per_destination: self.settings.dispatch_per_destination,
            probes: self.settings.failures.probes.is_on(),
        };
        let store = Arc::new(self.store.clone());
        let connected =
            Queue::connect(settings, Arc::clone(&store) as _, store, self.clock.clone());
        self.queue = Some(Box::pin(connected).await.context("OC_NATS_URL")?);
        Ok(())
    }

    pub(crate) fn dispatcher(&self) -> Dispatcher {
        let within = self.settings.callback_timeout;
        let outbox: Arc<dyn Outbox> = match &self.queue {
            Some(queue) => Arc::new(queue.clone()),
            None => Arc::new(self.store.clone()),
        };
        Dispatcher {
            outbox,
            transport: Arc::new(self.transports(self.egress.clone())),
            clock: self.clock.clone(),
            dice: Dice::system(),
            settings: DispatcherSettings {
                concurrency: self.settings.dispatch_concurrency,
                per_destination: self.settings.dispatch_per_destination,
                schedule: self.settings.failures.schedule.clone(),
                policy: self.settings.failures.policy,
                probes: self.settings.failures.probes,
                stint: STINT,
                attempt_within: within,
                look_every: LOOK_EVERY,
                drain: DRAIN,
            },
        }
    }

    fn transports(&self, egress: Egress) -> Transports {
        let within = self.settings.callback_timeout;
        let webhooks = Webhooks::new(egress, self.clock.clone(), within);
        Transports { webhooks, sinks: self.sinks.clone() }
    }

    /// Tells the operator, where one wants to be told. The url is the operator's own, so that it may
    /// lie in any network; metadata services and this service itself stay closed.
    pub(crate) fn herald(&self) -> anyhow::Result<Option<Herald>> {
        let Some(operator) = &self.settings.operator else { return Ok(None) };
        let anywhere = [IpAddr::from([0; 4]), IpAddr::from([0; 16])]
            .map(|address| IpNet::new(address, 0))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let policy = Policy::allowing(anywhere, vec![self.settings.listen]);
        let egress = egress(&self.settings, policy)?;
        Ok(Some(Herald {
            notices: Arc::new(self.store.clone()),
            transport: Arc::new(self.transports(egress)),
            destination: Destination::Callback(Callback {
                url: operator.url.clone(),
                keys: operator.keys.clone(),
                headers: Vec::new(),
                basic: None,
                tls: None,
            }),
            clock: self.clock.clone(),
            dice: Dice::system(),
            look_every: LOOK_EVERY,
        }))
    }
}

/// How requests leave: to where the policy lets them, by the name servers of the settings.
fn egress(settings: &Settings, policy: Policy) -> anyhow::Result<Egress> {
    let names = match &settings.network.name_servers[..] {
        [] => Ok(Names::system()),
        servers => Names::from_servers(servers),
    };
    names
        .and_then(|names| Egress::with_names(policy, USER_AGENT, names))
        .context("the HTTP client cannot be set up")
}

/// The built-in connectors and those of `OC_CONNECTORS_DIR`.
pub(crate) fn catalogue(settings: &Settings) -> anyhow::Result<Catalogue> {
    let mut catalogue = Catalogue::built_in()
        .map_err(|faults| anyhow::anyhow!("a built-in connector is faulty: {}", faults.len()))?;
    let Some(folder) = &settings.connectors_dir else { return Ok(catalogue) };
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("OC_CONNECTORS_DIR: {}", folder.display()))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| folder.display().to_string())?;
    files.sort();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "toml"))
    {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let added = Connector::parse(&text)
            .and_then(|connector| catalogue.add(connector).map_err(|fault| vec![fault]));
        if let Err(faults) = added {
            let list: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("{} cannot be used:\n  {}", file.display(), list.join("\n  "));
        }
    }
    Ok(catalogue)
}
