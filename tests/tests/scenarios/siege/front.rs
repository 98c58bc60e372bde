//! One instance with its provider: records change, and again only when their last change was told.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use oc_tests::salesloft::Change;
use oc_tests::{Options, Receiver, Salesloft, Server};
use serde_json::{Map, Value, json};

use crate::story::as_change;

/// Both lists, each with so many records.
const LISTS: [&str; 2] = ["people", "accounts"];
const RECORDS: usize = 100;
/// The longest time without any news of an instance: twice over the server that has it may be killed,
/// and its successor finds PostgreSQL restarting.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct Front {
    salesloft: Salesloft,
    path: String,
    ids: Vec<(&'static str, u64)>,
}

/// What the receiver has been told, by the path of the instance.
#[derive(Default)]
pub(super) struct Heard(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// Deliveries that were looked at.
    through: usize,
    notifications: HashSet<String>,
    told: HashMap<String, Vec<Change>>,
}

impl Front {
    pub(super) fn new(salesloft: Salesloft, number: usize) -> Self {
        let ids = salesloft.change(|world, now| {
            let all = LISTS.iter().flat_map(|list| [list; RECORDS]);
            all.map(|list| (*list, world.add(list, now, &Map::new()))).collect()
        });
        salesloft.with(|provider| {
            // Older than the instance: they are not told.
            provider.world.changes.clear();
            // As the connector's definition has it.
            provider.limit.points = Options::default().points;
        });
        Self { salesloft, path: format!("front{number}"), ids }
    }

    pub(super) fn salesloft(&self) -> &Salesloft {
        &self.salesloft
    }

    /// Makes the instance.
    pub(super) async fn open(&self, server: &Server, receiver: &Receiver) -> anyhow::Result<()> {
        let resource = |list: &str| {
            json!({
                "url": format!("/hubs/crm/{list}?where=updated_at>='${{date:yyyy-MM-dd'T'HH:mm:ssXXX}}'"),
                "idField": "id",
                "datesConfiguration": {"updatedDateField": "updated_at", "createdDateField": "created_at"},
            })
        };
        let both = json!({"contacts": resource("contacts"), "accounts": resource("accounts")});
        let changes = json!({"event.poller.configuration": both.to_string()});
        server.create(&self.salesloft, &receiver.url(&self.path), &changes).await.map(drop)
    }

    /// Changes all records, waits until that is told, and again, `changes` times and until it has seen
    /// `enough`.
    pub(super) async fn hold(
        &mut self,
        changes: usize,
        enough: &AtomicBool,
        heard: &Heard,
        receiver: &Receiver,
    ) -> anyhow::Result<()> {
        let mut done = 0;
        while done < changes || !enough.load(Ordering::Relaxed) {
            self.salesloft.change(|world, now| {
                for (list, id) in &self.ids {
                    world.update(
                        list,
                        *id,
                        now,
                        &Map::from_iter([("n".to_owned(), Value::from(done))]),
                    );
                }
            });
            done += self.ids.len();
            self.until_told(done, heard, receiver).await?;
        }
        Ok(())
    }

    async fn until_told(
        &self,
        all: usize,
        heard: &Heard,
        receiver: &Receiver,
    ) -> anyhow::Result<()> {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let told = heard.count(&self.path, receiver);
            if told >= all {
                return Ok(());
            }
            if told > before {
                (before, since) = (told, Instant::now());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "{}: {told} of {all} changes were told, and then nothing",
                self.path
            );
            receiver.news().await;
        }
    }

    /// That everything was told once, each record's versions in their order; tells how many.
    pub(super) fn check(&self, heard: &Heard) -> anyhow::Result<usize> {
        let changes = self.salesloft.with(|provider| provider.world.changes.clone());
        let told = heard.of(&self.path);
        let by_record = |changes: &[Change]| {
            let mut versions: HashMap<u64, Vec<String>> = HashMap::new();
            for change in changes {
                versions.entry(change.id).or_default().push(change.updated.clone());
            }
            versions
        };
        let (expected, found) = (by_record(&changes), by_record(&told));
        for (id, versions) in &expected {
            if found.get(id) != Some(versions) {
                bail!("{}: record {id} had {versions:?}, told were {:?}", self.path, found.get(id));
            }
        }
        ensure!(told.len() == changes.len(), "{}: something was told that never was", self.path);
        Ok(told.len())
    }
}

impl Heard {
    /// How many changes of an instance were told.
    fn count(&self, path: &str, receiver: &Receiver) -> usize {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for delivery in receiver.since(told.through) {
            told.through += 1;
            let is_new = (200..300).contains(&delivery.answered)
                && told.notifications.insert(delivery.id.clone());
            if is_new {
                let changes = delivery.told.into_iter().map(as_change);
                told.told.entry(delivery.path).or_default().extend(changes);
            }
        }
        told.told.get(path).map_or(0, Vec::len)
    }

    fn of(&self, path: &str) -> Vec<Change> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.told.get(path).cloned().unwrap_or_default()
    }
}
