//! One life of the server: the real layers, put together for the simulation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, header};
use oc_config::{
    Catalogue, Configuration, Connector, Deletes, FailurePolicy, InstanceId, InstanceSettings,
    Operator, Timestamp,
};
use oc_dispatch::{Dispatcher, DispatcherSettings, ProbeSchedule, RetrySchedule};
use oc_egress::{Clock, Dice, Egress, Policy};
use oc_hub::{AuthorizeError, Authorizer, Credential, Hub, Retry};
use oc_oauth::{Patience, TokenEndpoint, TokenError, TokenSet, Tokens};
use oc_poll::{Caretaker, CaretakerSettings, Poller, PollerSettings};
use oc_store::{
    InstanceFields, Location, NewInstance, OrganizationId, PolledResource, SecretKey, Store,
    StoreOptions,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::fuse::Fuse;
use super::lock;
use super::mutant::Mutant;
use super::receiver::SimulatedReceiver;
use super::story::Story;
use super::watched_ledger::WatchedLedger;
use super::watched_outbox::WatchedOutbox;
use super::watched_tasks::WatchedTasks;
use crate::Salesloft;

/// What outlives a process.
pub(super) struct Life {
    pub(super) folder: TempDir,
    pub(super) time: Arc<AtomicI64>,
    pub(super) fuse: Fuse,
    pub(super) mutant: Mutant,
    pub(super) overlap: Option<u32>,
    /// What of the past is told.
    pub(super) initial: &'static str,
    /// Whether deletions are told.
    pub(super) deletes: bool,
    /// The rate limit's points a minute.
    pub(super) points: u32,
    pub(super) seed: u64,
}

impl Life {
    /// What kind of story it is.
    pub(super) fn kind(&self) -> String {
        let Self { overlap, initial, deletes, points, .. } = self;
        format!("overlap {overlap:?}, initial {initial}, deletes {deletes}, {points} points")
    }
}

/// A running process.
pub(super) struct Process {
    // Dropped first: nothing of the process goes on when its runtime has gone.
    runtime: Option<Runtime>,
    store: Store,
    hub: Hub,
    clock: Clock,
    dice: Dice,
    fuse: Fuse,
    mutant: Mutant,
    story: Arc<Mutex<Story>>,
    salesloft: Salesloft,
    connector: Arc<Connector>,
}

impl Process {
    /// Starts on the database in the life's folder.
    pub(super) fn begin(
        life: &Life,
        salesloft: &Salesloft,
        story: &Arc<Mutex<Story>>,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connector = connector(salesloft, life)?;
        let mut catalogue = Catalogue::default();
        catalogue.add(connector.clone()).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let time = Arc::clone(&life.time);
        let passing = Arc::clone(&time);
        let clock = Clock::new(move || Timestamp(time.load(Ordering::Relaxed)));
        let clock = clock.simulated(move |passed| {
            passing.fetch_add(i64::try_from(passed.as_micros()).unwrap_or(0), Ordering::Relaxed);
        });
        let rolled = Mutex::new(StdRng::seed_from_u64(life.seed));
        let dice = Dice::new(move || lock(&rolled).random());
        let store = runtime.block_on(Store::open(StoreOptions {
            database: Location::File(life.folder.path().join("oc.db")),
            key: SecretKey::new(&Zeroizing::new([7; 32])),
            catalogue: Arc::new(catalogue),
            shortest_interval: Duration::from_secs(60),
        }))?;
        let policy = Policy::allowing(vec!["127.0.0.0/8".parse()?], vec![]);
        let egress = Egress::new(policy, "open-connectors/simulation")?;
        let endpoint = TokenEndpoint::new(egress.clone());
        let patience = Patience { tries: 2, pause: Duration::from_millis(1) };
        let tokens = Tokens::new(Arc::new(store.clone()), endpoint, clock.clone(), patience);
        let retry = Retry { tries: 3, pause: Duration::from_millis(1) };
        let hub = Hub::new(egress, clock.clone(), Arc::new(Bearer(tokens)), retry);
        Ok(Self {
            runtime: Some(runtime),
            store,
            hub,
            clock,
            dice,
            fuse: life.fuse.clone(),
            mutant: life.mutant,
            story: Arc::clone(story),
            salesloft: salesloft.clone(),
            connector: Arc::new(connector),
        })
    }

    /// Two instances, each with a path of its own at the receiver.
    pub(super) fn create_instances(
        &mut self,
        life: &Life,
        salesloft: &Salesloft,
        story: &Arc<Mutex<Story>>,
    ) -> anyhow::Result<()> {
        let secret = |text: &str| SecretString::from(text);
        let (user, organization) = (secret("u"), secret("o"));
        let first = self.store.ensure_first_user(None, None, (&user, &organization));
        self.runtime()?.block_on(first)?;
        for path in ["/one", "/two"] {
            // Nothing older than the creation, by the provider's clock where that is behind.
            let now = self.clock.now();
            let provider = Timestamp(salesloft.with(|provider| provider.now()));
            let start = now.min(provider.floor_second());
            let old = salesloft.with(|provider| provider.world.ids("people"));
            let fields = self.fields(life, salesloft, path, start)?;
            let new = NewInstance {
                organization: OrganizationId(1),
                user: 1,
                connector: self.connector.key.clone(),
                token: secret(path),
                created: now,
                repeated_by: None,
                fields,
            };
            let InstanceId(id) = self.runtime()?.block_on(self.store.create_instance(new, None))?;
            let mut story = lock(story);
            story.starts.insert(path.to_owned(), start.0);
            story.old = (life.initial == "all").then(|| old.into_iter().collect());
            story.deletes = life.deletes;
            story.paths.insert(id, path.to_owned());
        }
        Ok(())
    }

    fn fields(
        &self,
        life: &Life,
        salesloft: &Salesloft,
        path: &str,
        start: Timestamp,
    ) -> anyhow::Result<InstanceFields> {
        let mut poller: serde_json::Value =
            serde_json::from_str(&self.connector.poller_configuration)?;
        let overlap = if life.mutant == Mutant::NoOverlap { Some(0) } else { life.overlap };
        poller["contacts"]["overlap"] = json!(overlap);
        poller["contacts"]["initial"] = json!(life.initial);
        if life.deletes {
            poller["contacts"]["detectDeletes"] = json!({"every": 30, "most": 1});
        }
        poller["contacts"]["changes"] = json!(true);
        let values = json!({
            "event.notification.enabled": true,
            "event.notification.callback.url": format!("http://receiver.example{path}"),
            "event.poller.configuration": poller.to_string(),
            "oauth.api.key": "api-key",
            "oauth.api.secret": "secret",
        });
        let values = values.as_object().context("values")?;
        let (configuration, _) = Configuration::from_json(values, &self.connector);
        let read = InstanceSettings::read(&configuration, &self.connector, Duration::from_secs(60));
        let (settings, _) = read.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let now = self.clock.now();
        let resources = settings.resources.iter();
        let polled = resources.map(|one| PolledResource::new(one, &self.connector, start, now));
        let tokens = salesloft.with(|provider| {
            let now = provider.now();
            provider.accounts.issue(now)
        });
        Ok(InstanceFields {
            name: path.to_owned(),
            tags: vec![],
            account: "team".to_owned(),
            warnings: vec![],
            tokens: Some(TokenSet {
                access: tokens.0.into(),
                refresh: Some(tokens.1.into()),
                obtained_at: now,
                expires_at: now.plus(Duration::from_secs(tokens.2)),
                others: [].into(),
            }),
            polled: Some(polled.collect()),
            destination: Some("http://receiver.example".to_owned()),
            configuration,
        })
    }

    /// Runs the real poller until nothing is due; tells whether the process has survived.
    pub(super) fn poll_what_is_due(&mut self) -> anyhow::Result<bool> {
        let idle = CancellationToken::new();
        let ledger = WatchedLedger {
            store: self.store.clone(),
            clock: self.clock.clone(),
            salesloft: self.salesloft.clone(),
            story: Arc::clone(&self.story),
            fuse: self.fuse.clone(),
            mutant: self.mutant,
            idle: idle.clone(),
            running: AtomicUsize::new(0),
            shown: Mutex::new(HashMap::new()),
        };
        let poller = Poller {
            ledger: Arc::new(ledger),
            source: Arc::new(self.hub.clone()),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            settings: PollerSettings {
                concurrency: 1,
                failure_threshold: 1_000,
                lease: Duration::from_secs(3_600),
                look_every: Duration::from_secs(60),
            },
        };
        self.until_idle(poller.run(idle))
    }

    /// Runs the real caretaker until nothing is due; tells whether the process has survived.
    pub(super) fn carry_tasks_on(&mut self) -> anyhow::Result<bool> {
        let idle = CancellationToken::new();
        let tasks = WatchedTasks {
            store: self.store.clone(),
            fuse: self.fuse.clone(),
            mutant: self.mutant,
            idle: idle.clone(),
            running: AtomicUsize::new(0),
            last: Mutex::default(),
        };
        let caretaker = Caretaker {
            ledger: Arc::new(self.store.clone()),
            tasks: Arc::new(tasks),
            source: Arc::new(self.hub.clone()),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            settings: CaretakerSettings {
                concurrency: 1,
                lease: Duration::from_secs(3_600),
                look_every: Duration::from_secs(60),
            },
        };
        self.until_idle(caretaker.run(idle))
    }

    /// Runs the real dispatcher until nothing is due; tells whether the process has survived.
    pub(super) fn deliver_what_is_due(&mut self) -> anyhow::Result<bool> {
        let idle = CancellationToken::new();
        let outbox = WatchedOutbox {
            store: self.store.clone(),
            fuse: self.fuse.clone(),
            mutant: self.mutant,
            idle: idle.clone(),
            running: AtomicUsize::new(0),
        };
        let receiver = SimulatedReceiver {
            story: Arc::clone(&self.story),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            fuse: self.fuse.clone(),
            mutant: self.mutant,
        };
        let hour = Duration::from_secs(3_600);
        let schedule =
            RetrySchedule::new((1..1_000).map(|at| Duration::from_secs(at * 8)).collect());
        let dispatcher = Dispatcher {
            outbox: Arc::new(outbox),
            transport: Arc::new(receiver),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            settings: DispatcherSettings {
                concurrency: 1,
                per_destination: 1,
                schedule: schedule.map_err(anyhow::Error::msg)?,
                policy: FailurePolicy::Retry,
                probes: ProbeSchedule::new(Duration::ZERO, Duration::ZERO),
                stint: hour,
                attempt_within: hour,
                look_every: Duration::from_secs(60),
                drain: hour,
            },
        };
        self.until_idle(dispatcher.run(idle))
    }

    pub(super) fn forget(&mut self) -> anyhow::Result<()> {
        let week = Duration::from_secs(7 * 86_400);
        self.runtime()?.block_on(self.store.sweep(self.clock.now(), week))?;
        Ok(())
    }

    /// How each resource stands, for whoever looks into a story that went wrong.
    pub(super) fn stands(&self) -> String {
        let states = async {
            let mut states = self.store.resource_states(InstanceId(1)).await?;
            states.extend(self.store.resource_states(InstanceId(2)).await?);
            anyhow::Ok(format!("at {}: {states:#?}\n", self.clock.now()))
        };
        let found = self.runtime().and_then(|runtime| runtime.block_on(states));
        found.unwrap_or_else(|error| error.to_string())
    }

    fn until_idle(&self, work: impl Future<Output = ()>) -> anyhow::Result<bool> {
        self.runtime()?.block_on(async {
            tokio::select! {
                () = work => Ok(true),
                () = self.fuse.burns() => Ok(false),
                () = tokio::time::sleep(Duration::from_secs(20)) => anyhow::bail!("it never comes to rest"),
            }
        })
    }

    fn runtime(&self) -> anyhow::Result<&Runtime> {
        self.runtime.as_ref().context("the process has ended")
    }
}

/// The runtime goes before the store: nothing of the process may write any more.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.runtime.take());
    }
}

/// The shipped connector, pointed at the simulator.
fn connector(salesloft: &Salesloft, life: &Life) -> anyhow::Result<Connector> {
    let mutant = life.mutant;
    let built_in = Catalogue::built_in().map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let mut connector = Connector::clone(built_in.find("salesloft").context("salesloft")?);
    connector.base = salesloft.api();
    if let Some(limits) = &mut connector.limits {
        let free = mutant == Mutant::IgnoresBudget;
        limits.points = if free { 1_000_000_000 } else { life.points };
    }
    if let Some(oauth2) = &mut connector.oauth2 {
        oauth2.token = salesloft.token_url();
    }
    if mutant == Mutant::GreaterInsteadOfGreaterOrEqual {
        connector.filtering.ranges.insert(Operator::GreaterOrEqual, "gt".to_owned());
    }
    if mutant == Mutant::PageNumbers
        && let Some(contacts) = connector.resources.get_mut("contacts")
    {
        contacts.keyset = false;
    }
    if mutant == Mutant::UnconfirmedDeletes
        && let Some(contacts) = connector.resources.get_mut("contacts")
        && let Deletes::Probe { confirm, .. } = &mut contacts.deletes
    {
        *confirm = false;
    }
    Ok(connector)
}

/// Access tokens, as the server hands them to the hub.
struct Bearer(Tokens);

#[async_trait]
impl Authorizer for Bearer {
    async fn authorize(
        &self,
        instance: InstanceId,
        headers: &mut HeaderMap,
        _now: Timestamp,
    ) -> Result<Credential, AuthorizeError> {
        let token = self.0.bearer(instance).await.map_err(fault)?;
        let text = format!("Bearer {}", token.secret.expose_secret());
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(Credential(token.version))
    }

    async fn refused(
        &self,
        instance: InstanceId,
        credential: Credential,
        _now: Timestamp,
    ) -> Result<(), AuthorizeError> {
        self.0.refused(instance, credential.0).await.map_err(fault)
    }
}

fn fault(error: TokenError) -> AuthorizeError {
    match error {
        TokenError::NeedsAuthentication(reason) => AuthorizeError::NeedsAuthentication(reason),
        TokenError::Unavailable(reason) => AuthorizeError::Unavailable(reason),
    }
}
