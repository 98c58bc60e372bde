//! `poll`: polls an instance by hand and shows the events.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use oc_config::{InstanceId, Timestamp};
use oc_egress::Dice;
use oc_poll::{
    Claimed, Due, Event, Ledger, LedgerError, Outcome, Part, ResourceId, Task, Version, Work,
    poll_once,
};
use oc_store::{ResourceState, Store};
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

/// A SQLite file belongs to one process, so that this is for while no server runs; of several servers
/// that share PostgreSQL none polls the instance meanwhile. Notifications that it stores are sent by
/// the next server.
pub(crate) async fn run(options: &Options, settings: Settings) -> anyhow::Result<ExitCode> {
    let app = App::build(settings).await.context(
        "`poll` works on the database itself, so that with SQLite no server may run; a running server polls by itself",
    )?;
    let ended = polled(options, &app).await;
    app.tokens.settle(Duration::from_secs(5)).await;
    app.store.leave().await?;
    ended
}

async fn polled(options: &Options, app: &App) -> anyhow::Result<ExitCode> {
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
        if !options.dry_run {
            failed |= !load(app, due).await?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads on what was there when events were asked for; tells whether that went well.
async fn load(app: &App, due: &Due) -> anyhow::Result<bool> {
    let dice = Dice::system();
    let (source, store) = (&app.hub, &app.store);
    let work = Work { source, ledger: store, tasks: store, clock: &app.clock, dice: &dice };
    let progress = progress("{spinner} {pos} of {len} records of the initial load, {elapsed}");
    let name = &due.config.name;
    let mut records = None;
    while let Some(task) = store.task_by_hand(due).await?
        && let Task::Load(load) = &task.task
        && load.settled.is_none()
    {
        progress.set_length(load.total.unwrap_or(load.records));
        progress.set_position(load.records);
        records = Some(load.records);
        if work.carry_on(&task).await? {
            progress.finish_and_clear();
            eprintln!("{name}: the initial load was interrupted behind record {}", load.records);
            return Ok(false);
        }
        // The rate limit may have no room for a while.
        let states = store.resource_states(due.target.instance).await?;
        let is_load = |one: &&ResourceState| {
            let loads = matches!(&one.task, Some(Task::Load(load)) if load.settled.is_none());
            one.name == *name && loads
        };
        let next = states.iter().find(is_load).and_then(|one| one.task_due);
        tokio::time::sleep(next.map_or(Duration::ZERO, |at| at.since(app.clock.now()))).await;
    }
    progress.finish_and_clear();
    if records.is_some() {
        let states = store.resource_states(due.target.instance).await?;
        let read = states.iter().find(|one| one.name == *name).and_then(|one| one.task.as_ref());
        let count = match read {
            Some(Task::Load(load)) => format!(", {} records", load.records),
            _ => String::new(),
        };
        eprintln!("{name}: the initial load is complete{count}");
    }
    Ok(true)
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

/// Shown to people only.
fn progress(template: &str) -> ProgressBar {
    let is_seen = std::io::stderr().is_terminal();
    let progress = if is_seen { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress
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
        let progress = progress("{spinner} {pos} records looked up, {elapsed}");
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
        objects: Arc<[String]>,
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
