//! How the queue is reached, and its bounds.

use oc_sinks::NatsServers;

/// What the operator says, and what a process has to know of the outbox.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Where JetStream is.
    pub servers: NatsServers,
    /// On how many servers each ticket is kept.
    pub replicas: usize,
    /// The most lanes that all processes together have under way: when so many tickets are not
    /// acknowledged, JetStream hands out no more.
    pub max_ack_pending: usize,
    /// The name of the outbox, of letters and digits: others in the same JetStream have queues of
    /// their own.
    pub outbox: String,
    /// The most lanes that a process sends to one destination.
    pub per_destination: usize,
    /// Whether deliveries that have queued are probed.
    pub probes: bool,
}

impl QueueSettings {
    /// The most tickets that the queue holds: as many as may be under way, and as many that are next.
    /// More would wait longer for their turn than what is chosen later.
    pub(crate) fn depth(&self) -> usize {
        2 * self.max_ack_pending
    }
}
