//! The queue that hands out deliveries, where there is one.

use oc_sinks::NatsServers;
use oc_store::Location;

use super::table::Found;
use super::value;

/// The most replicas that JetStream keeps.
const MOST_REPLICAS: usize = 5;

/// NATS JetStream as the operator has it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) servers: NatsServers,
    pub(crate) replicas: usize,
    pub(crate) max_ack_pending: usize,
}

impl Queue {
    /// `None` when there are faults, all of which are noted; `Some(None)` when there is no queue.
    pub(super) fn read(found: &mut Found, database: Option<&Location>) -> Option<Option<Self>> {
        let expected = "a number from 1 to 5, and no more than the cluster has servers";
        let replicas = found.parse("nats-replicas", expected, |text| {
            text.parse().ok().filter(|replicas| (1..=MOST_REPLICAS).contains(replicas))
        });
        let expected = "a number from 1 to 100000";
        let max_ack_pending = found.parse("nats-max-ack-pending", expected, value::count);
        let Some(url) = found.secret("nats-url") else {
            return replicas.and(max_ack_pending).map(|_| None);
        };
        if database.is_some_and(|database| database.file().is_some()) {
            found.faults.push(
                "OC_NATS_URL: a queue hands out what servers share, and a SQLite file has one server; set OC_DATABASE_URL to postgres://USER:PASSWORD@HOST/DATABASE, or unset OC_NATS_URL"
                    .to_owned(),
            );
        }
        let servers = NatsServers::read(&url);
        if servers.is_none() {
            found.faults.push(
                "OC_NATS_URL: expected urls as nats://HOST:4222 or tls://USER:PASSWORD@HOST:4222, separated by commas"
                    .to_owned(),
            );
        }
        let max_ack_pending = usize::try_from(max_ack_pending?).ok()?;
        Some(Some(Self { servers: servers?, replicas: replicas?, max_ack_pending }))
    }
}
