//! All sinks by name, and one attempt to put a notification into one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oc_dispatch::{Attempt, AttemptVerdict, Outgoing, SinkAddress, heading};
use oc_egress::{Clock, EgressError};

use crate::file::FileSink;
use crate::nats::NatsSink;
use crate::postgres::PostgresSink;
use crate::settings::{Kind, SinkTable};
use crate::sink::{Parcel, Sink, SinkError};

/// The sinks of the settings.
#[derive(Clone)]
pub struct Sinks {
    table: SinkTable,
    by_name: Arc<BTreeMap<String, Box<dyn Sink>>>,
    clock: Clock,
    within: Duration,
}

impl Sinks {
    /// Connects to nothing yet; `within` is the deadline of a whole attempt.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(table: SinkTable, clock: Clock, within: Duration) -> Result<Self, EgressError> {
        let mut by_name: BTreeMap<String, Box<dyn Sink>> = BTreeMap::new();
        for (name, settings) in table.iter() {
            let sink: Box<dyn Sink> = match &settings.kind {
                Kind::File(file) => Box::new(FileSink::new(file.clone(), clock.clone())),
                Kind::Nats(nats) => Box::new(NatsSink::new(nats.clone(), within)?),
                Kind::Postgres(postgres) => Box::new(PostgresSink::new(postgres, within)?),
            };
            by_name.insert(name.clone(), sink);
        }
        Ok(Self { table, by_name: Arc::new(by_name), clock, within })
    }

    /// Makes one attempt; it ends within the deadline, whatever the sink does.
    pub async fn send(&self, to: &SinkAddress, notification: &Outgoing) -> Attempt {
        let at = self.clock.now();
        let headers = heading(notification, &to.keys, at).into_iter();
        let parcel = Parcel {
            organization: to.organization,
            instance: to.instance,
            resource: notification.resource.to_string(),
            id: notification.id,
            replay: notification.replay,
            headers: headers.map(|(name, value)| (name.text, value)).collect(),
            body: notification.body.clone(),
        };
        let taken = self.put(&to.name, &parcel).await;
        let (error, verdict) = match taken {
            Ok(()) => (None, AttemptVerdict::Delivered),
            Err(error) => {
                let (sink, detail) = (&to.name, error.detail());
                tracing::warn!(sink, instance = %to.instance, %error, detail, "Notification not taken by a sink");
                let overloaded = matches!(error, SinkError::TimedOut);
                let failed = AttemptVerdict::Failed { retry_after: None, overloaded };
                (Some(format!("the sink `{sink}` {error}")), failed)
            }
        };
        let shown = parcel.headers.iter().map(|(name, value)| (*name, &**value));
        Attempt {
            url: to.place(),
            request: shown.collect(),
            at,
            took: self.clock.now().since(at),
            status: None,
            error,
            answer: String::new(),
            verdict,
        }
    }

    /// The settings may have changed since the instance was created.
    async fn put(&self, name: &str, parcel: &Parcel) -> Result<(), SinkError> {
        let is_open = self.table.refusal(name, Some(parcel.organization)).is_none();
        let sink = self.by_name.get(name).filter(|_| is_open).ok_or(SinkError::Closed)?;
        let putting = tokio::time::timeout(self.within, sink.put(parcel));
        putting.await.unwrap_or(Err(SinkError::TimedOut))
    }
}
