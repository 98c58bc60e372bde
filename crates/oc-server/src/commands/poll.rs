//! `poll`: polls an instance by hand and shows the events.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use oc_config::{InstanceId, Timestamp};
use oc_poll::{
    Claimed, Due, Event, Ledger, LedgerError, Outcome, Part, ResourceId, Version, poll_once,
};
use oc_store::Store;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::settings::Settings;

#[derive(Args)]
pub(crate) struct Options {
    /// The instance's number
    instance: i64,
    /// Only this resource
    resource: Option<String>,
    /// Store nothing and send nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// The database belongs to one process, so that this is for while no server runs; notifications
/// that it stores are sent by the next server.
pub(crate) async fn run(options: &Options, settings: Settings) -> anyhow::Result<ExitCode> {
    let app = App::build(settings).await.context(
        "`poll` works on the database itself, so that no server may run; a running server polls by itself",
    )?;
    let instance = InstanceId(options.instance);
    let found = app.store.polled_by_hand(instance).await?;
    let Some(found) = found else { bail!("there is no instance {instance}") };
    if app.store.instance(instance).await?.is_some_and(|one| one.disabled) {
        bail!("instance {instance} is disabled; enable it with PUT /instances/{instance}/enabled");
    }
    let names: Vec<String> = found.resources.iter().map(|due| due.config.name.clone()).collect();
    if let Some(name) = options.resource.as_ref().filter(|name| !names.contains(name)) {
        bail!("instance {instance} does not poll `{name}`; it polls: {}", names.join(", "));
    }
    let wanted = |due: &&Due| options.resource.as_ref().is_none_or(|name| *name == due.config.name);
    let mut failed = false;
    for due in found.resources.iter().filter(wanted) {
        let shown = Shown::new(app.store.clone(), options.dry_run);
        let polled = poll_once(due, &app.hub, &shown, &app.clock, rand::random()).await;
        shown.progress.finish_and_clear();
        let name = &due.config.name;
        show(options, name, &shown.events.into_inner().unwrap_or_default())?;
        match polled {
            Ok(summary) => eprintln!(
                "{name}: {} records read, {} events{}",
                summary.records,
                summary.events,
                if options.dry_run { ", nothing stored (dry run)" } else { "" }
            ),
            Err(error) => {
                failed = true;
                eprintln!("{name}: failed: {error}");
            }
        }
    }
    app.tokens.settle(Duration::from_secs(5)).await;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(options: &Options, resource: &str, events: &[Event]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for event in events {
        let (kind, date) = (event.kind.as_str(), event.date.to_seconds_text());
        if options.json {
            let record: Json = serde_json::from_slice(&event.record)?;
            let line = json!({"objectType": resource, "objectId": event.object_id,
                "eventType": kind, "date": date, "record": record});
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{date}  {kind:7}  {resource} {}", event.object_id)?;
        }
    }
    Ok(())
}

/// The store, watched: what is found is also shown, or only shown.
struct Shown {
    store: Store,
    dry_run: bool,
    events: Mutex<Vec<Event>>,
    progress: ProgressBar,
}

impl Shown {
    fn new(store: Store, dry_run: bool) -> Self {
        let progress = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {pos} records looked up, {elapsed}")
        {
            progress.set_style(style);
        }
        Self { store, dry_run, events: Mutex::default(), progress }
    }

    fn note(&self, events: &[Event]) {
        if let Ok(mut noted) = self.events.lock() {
            noted.extend_from_slice(events);
        }
    }
}

#[async_trait]
impl Ledger for Shown {
    async fn claim(
        &self,
        _now: Timestamp,
        _limit: usize,
        _lease: Duration,
    ) -> Result<Claimed, LedgerError> {
        Ok(Claimed::default())
    }

    async fn known(
        &self,
        resource: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Version>>, LedgerError> {
        self.progress.inc(objects.len() as u64);
        self.store.known(resource, objects).await
    }

    async fn contents(
        &self,
        resource: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Bytes>>, LedgerError> {
        self.store.contents(resource, objects).await
    }

    async fn stage(&self, due: &Due, started: Timestamp, part: Part) -> Result<(), LedgerError> {
        self.note(&part.events);
        if self.dry_run { Ok(()) } else { self.store.stage(due, started, part).await }
    }

    async fn renew(
        &self,
        instance: InstanceId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), LedgerError> {
        self.store.renew(instance, now, lease).await
    }

    async fn finish(&self, due: &Due, outcome: Outcome) -> Result<(), LedgerError> {
        if let Outcome::Done(finding) = &outcome {
            self.note(&finding.part.events);
        }
        if self.dry_run { Ok(()) } else { self.store.finish(due, outcome).await }
    }
}
