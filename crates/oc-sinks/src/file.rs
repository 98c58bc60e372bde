//! Files of JSON lines, one for each instance, below a folder of the operator's.

mod journal;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oc_config::InstanceId;
use oc_egress::Clock;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::settings::FileSettings;
use crate::sink::{Parcel, Sink, SinkError};
use journal::Journal;

/// Threads that write at the same time. A disk that hangs holds so many, and no more.
const WRITERS: usize = 8;

/// Appends notifications to files.
pub(crate) struct FileSink {
    settings: FileSettings,
    clock: Clock,
    writers: Arc<Semaphore>,
}

impl FileSink {
    pub(crate) fn new(settings: FileSettings, clock: Clock) -> Self {
        Self { settings, clock, writers: Arc::new(Semaphore::new(WRITERS)) }
    }

    fn journal(&self, instance: InstanceId) -> Journal {
        let FileSettings { folder, rotate_bytes, rotate_daily } = self.settings.clone();
        Journal { folder, name: instance.to_string(), rotate_bytes, rotate_daily }
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn put(&self, parcel: &Parcel) -> Result<(), SinkError> {
        let fault = |detail: String| SinkError::Unreachable(detail);
        let line = line(parcel).map_err(fault)?;
        let writer = Arc::clone(&self.writers).acquire_owned().await;
        let writer = writer.map_err(|error| fault(error.to_string()))?;
        let (journal, now) = (self.journal(parcel.instance), self.clock.now());
        // The seat is held for as long as the thread writes, even if nobody waits for it any more.
        let writing = tokio::task::spawn_blocking(move || {
            let written = journal.append(&line, now);
            drop(writer);
            written
        });
        let written = writing.await.map_err(|error| fault(error.to_string()))?;
        written.map_err(|error| fault(format!("{}: {error}", self.settings.folder.display())))
    }
}

/// A line. The body is a text in it, so that it is one line and the exact bytes that are signed,
/// however the provider's records are written.
#[derive(Serialize)]
struct Line<'a> {
    id: String,
    organization: i64,
    instance: i64,
    resource: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    body: &'a str,
}

fn line(parcel: &Parcel) -> Result<Vec<u8>, String> {
    let line = Line {
        id: parcel.id.hyphenated().to_string(),
        organization: parcel.organization,
        instance: parcel.instance.0,
        resource: &parcel.resource,
        headers: parcel.headers.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        body: std::str::from_utf8(&parcel.body).map_err(|error| error.to_string())?,
    };
    let mut line = serde_json::to_vec(&line).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
