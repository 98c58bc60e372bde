//! The real store and dispatcher without a provider: polls are claimed and finished with one event
//! each, so that only what comes after polling is measured.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::future::try_join_all;
use oc_config::{Catalogue, Configuration, FailurePolicy, InstanceSettings, Timestamp};
use oc_dispatch::{Dispatcher, DispatcherSettings, Outbox, ProbeSchedule, RetrySchedule, Webhooks};
use oc_egress::{Clock, Dice, Egress, Policy};
use oc_poll::{Due, Event, EventKind, Finding, Ledger, Outcome, Part, PollSummary};
use oc_queue::{Queue, QueueSettings};
use oc_sinks::{NatsServers, SinkTable, Sinks, Transports};
use oc_store::{
    InstanceFields, Location, NewInstance, OrganizationId, PolledResource, SecretKey, Store,
    StoreOptions,
};
use oc_tests::Nats;
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const LEASE: Duration = Duration::from_secs(60);
/// The deadline of a callback.
const WITHIN: Duration = Duration::from_secs(30);
const PER_DESTINATION: usize = 16;

pub(super) struct Inside {
    _folder: Option<TempDir>,
    pub(super) store: Store,
    pub(super) clock: Clock,
}

/// A loopback address of its own for each number.
pub(super) fn host(number: usize, port: u16) -> SocketAddr {
    let (high, low) = (number / 250, number % 250);
    let part = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, part(high), part(low + 1))), port)
}

impl Inside {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let inside = Self::at(Location::File(folder.path().join("oc.db"))).await?;
        Ok(Self { _folder: Some(folder), ..inside })
    }

    pub(super) async fn at(database: Location) -> anyhow::Result<Self> {
        let store = Store::open(StoreOptions {
            database,
            key: SecretKey::new(&Zeroizing::new([7; 32])),
            catalogue: Arc::new(built_in()?),
            shortest_interval: Duration::from_secs(1),
        });
        let (store, secret) = (store.await?, |text: &str| SecretString::from(text));
        store.ensure_first_user(None, None, (&secret("user"), &secret("organization"))).await?;
        let clock = store.clock();
        Ok(Self { _folder: None, store, clock })
    }

    /// An instance of one resource, due at once.
    pub(super) async fn instance(&self, callback: &str) -> anyhow::Result<()> {
        self.instance_due(callback, self.clock.now()).await
    }

    /// The same, due at an instant.
    pub(super) async fn instance_due(&self, callback: &str, due: Timestamp) -> anyhow::Result<()> {
        let (catalogue, now) = (built_in()?, self.clock.now());
        let connector = catalogue.find("salesloft").context("the connector")?;
        let values = json!({
            "event.notification.enabled": true,
            "event.notification.callback.url": callback,
            "event.notification.signature.key": "signature-s3cret",
            "oauth.api.key": "key",
            "oauth.api.secret": "secret",
        });
        let values = values.as_object().context("values")?;
        let (configuration, _) = Configuration::from_json(values, connector);
        let read = InstanceSettings::read(&configuration, connector, Duration::from_secs(1));
        let (settings, _) = read.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let polled = settings.resources.iter().take(1);
        let polled = polled.map(|one| PolledResource::new(one, connector, now, due)).collect();
        let fields = InstanceFields {
            name: "One".to_owned(),
            tags: vec![],
            account: callback.to_owned(),
            warnings: vec![],
            tokens: None,
            polled: Some(polled),
            destination: settings.callback.map(|url| url.origin().ascii_serialization()),
            configuration,
        };
        let new = NewInstance {
            organization: OrganizationId(1),
            user: 1,
            connector: "salesloft".to_owned(),
            token: SecretString::from(uuid::Uuid::now_v7().to_string()),
            created: now,
            repeated_by: None,
            fields,
        };
        self.store.create_instance(new, None).await?;
        Ok(())
    }

    /// Finishes up to `limit` polls that are due with one event each; tells how many there were.
    pub(super) async fn poll(&self, limit: usize, every: Duration) -> anyhow::Result<usize> {
        self.finish(limit, |now| found(now, every, 1)).await
    }

    /// The same with polls that find nothing.
    pub(super) async fn poll_in_vain(
        &self,
        limit: usize,
        every: Duration,
    ) -> anyhow::Result<usize> {
        self.finish(limit, |now| found(now, every, 0)).await
    }

    async fn finish(
        &self,
        limit: usize,
        outcome: impl Fn(Timestamp) -> Outcome,
    ) -> anyhow::Result<usize> {
        let now = self.clock.now();
        let claimed = Ledger::claim(&self.store, now, limit, LEASE).await?;
        let due: Vec<Due> = claimed.instances.into_iter().flat_map(|one| one.resources).collect();
        let finish = due.iter().map(|due| self.store.finish(due, outcome(now)));
        try_join_all(finish).await?;
        Ok(due.len())
    }

    /// Delivers until it is stopped, with the bounds that a server has.
    pub(super) fn deliver(&self, stop: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
        Ok(tokio::spawn(self.dispatcher(Arc::new(self.store.clone()))?.run(stop)))
    }

    /// The same of what a JetStream cluster of three hands out.
    pub(super) async fn deliver_from(
        &self,
        nats: &Nats,
        stop: CancellationToken,
    ) -> anyhow::Result<JoinHandle<()>> {
        let settings = QueueSettings {
            servers: NatsServers::read(&nats.url().into()).context("the urls")?,
            replicas: 3,
            max_ack_pending: 1_024,
            outbox: self.store.identity().await?,
            per_destination: PER_DESTINATION,
            probes: false,
        };
        let store = Arc::new(self.store.clone());
        let connected =
            Queue::connect(settings, Arc::clone(&store) as _, store, self.clock.clone());
        let queue = Box::pin(connected).await?;
        anyhow::ensure!(queue.is_connected(), "JetStream does not answer");
        let dispatcher = self.dispatcher(Arc::new(queue.clone()))?;
        Ok(tokio::spawn(async move {
            tokio::join!(dispatcher.run(stop.clone()), queue.run(stop));
        }))
    }

    fn dispatcher(&self, outbox: Arc<dyn Outbox>) -> anyhow::Result<Dispatcher> {
        let policy = Policy::allowing(vec!["127.0.0.0/8".parse()?], vec![]);
        let egress = Egress::new(policy, "open-connectors/bench")?;
        let webhooks = Webhooks::new(egress, self.clock.clone(), WITHIN);
        let sinks = Sinks::new(SinkTable::default(), self.clock.clone(), WITHIN)?;
        Ok(Dispatcher {
            outbox,
            transport: Arc::new(Transports { webhooks, sinks }),
            clock: self.clock.clone(),
            dice: Dice::system(),
            settings: DispatcherSettings {
                concurrency: 256,
                per_destination: PER_DESTINATION,
                schedule: RetrySchedule::default(),
                stint: Duration::from_secs(10),
                policy: FailurePolicy::Retry,
                probes: ProbeSchedule::new(Duration::ZERO, Duration::ZERO),
                attempt_within: WITHIN,
                look_every: Duration::from_secs(1),
                drain: Duration::ZERO,
            },
        })
    }
}

fn built_in() -> anyhow::Result<Catalogue> {
    Catalogue::built_in().map_err(|faults| anyhow::anyhow!("{} faults", faults.len()))
}

/// So many events, whose records tell when they were found.
fn found(now: Timestamp, every: Duration, events: usize) -> Outcome {
    let event = Event {
        object_id: now.0.to_string(),
        kind: EventKind::Updated,
        date: now,
        record: Bytes::from(format!("{{\"found_at\":{}}}", now.0)),
        changes: None,
    };
    Outcome::Done(Finding {
        part: Part { events: vec![event; events], fingerprints: vec![], contents: vec![] },
        started: now,
        cursor: now,
        forget_before: None,
        quiet: 0,
        next_due: now.plus(every),
        summary: PollSummary::default(),
    })
}
