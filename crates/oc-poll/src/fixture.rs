//! What the tests of this crate share: a due resource, pages, and a ledger in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use oc_config::{Catalogue, Configuration, FieldPath, InstanceId, PollerConfiguration, Timestamp};
use oc_hub::{ClockReading, Page, PageForm, Picker, ReadPlace, Target};
use serde_json::{Value, json};

use crate::*;

pub(crate) fn s(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

/// Contacts as configured by default, last polled at 1,000 s.
pub(crate) fn due(changes: &Value) -> Due {
    let catalogue = Catalogue::built_in().unwrap();
    let connector = Arc::clone(catalogue.find("salesloft").unwrap());
    let mut contacts: Value = serde_json::from_str(&connector.poller_configuration).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        contacts["contacts"][key] = value.clone();
    }
    let mut found = PollerConfiguration::read(&contacts, &|_| None);
    let target = Target {
        instance: InstanceId(7),
        base: url::Url::parse(&connector.base).unwrap(),
        connector,
        account: "team".to_owned(),
        drop_nulls: true,
    };
    Due {
        resource: ResourceId(1),
        revision: 1,
        fence: Fence::default(),
        target,
        config: Arc::new(found.resources.remove(0)),
        configuration: Arc::new(Configuration::default()),
        configured: 1,
        interval: Duration::from_secs(900),
        adaptive: false,
        checkpoint: Checkpoint {
            cursor: s(1_000),
            floor: s(0),
            polled: true,
            quiet: 0,
            remembers: false,
            loads_all: false,
        },
    }
}

pub(crate) fn person(id: u32, created: i64, updated: i64) -> Value {
    json!({"id": id, "created_at": s(created).to_string(), "updated_at": s(updated).to_string(), "title": null})
}

pub(crate) fn page(records: &[Value]) -> Page {
    let items = FieldPath::default();
    let field = |name: &str| Some(FieldPath::parse(name).unwrap());
    let fields = Picker::new([field("id"), field("updated_at"), field("created_at")]);
    let form = PageForm { items: &items, fields: &fields, next: None, echo: None, total: None };
    Page::parse(Bytes::from(Value::from(records.to_vec()).to_string()), &form).unwrap()
}

/// A source that reads the same pages each time; an empty list is a failure.
pub(crate) fn source(pages: Vec<Page>, clock: Option<ClockReading>) -> MockSource {
    let mut source = MockSource::new();
    source.expect_waiting().return_const(0_usize);
    source.expect_open().returning(move |_| {
        let mut left: Vec<Page> = pages.iter().rev().cloned().collect();
        let fails = pages.is_empty();
        let mut reading = MockPages::new();
        reading.expect_next().returning(move || match left.pop() {
            None if fails => Err(SourceError::of("down")),
            next => Ok(next),
        });
        reading.expect_clock().return_const(clock);
        reading.expect_place().return_const(ReadPlace::Begin);
        Ok(Box::new(reading))
    });
    source
}

/// A ledger in memory for one resource.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) known: Mutex<HashMap<String, Version>>,
    pub(crate) contents: Mutex<HashMap<String, Bytes>>,
    /// The objects of each look-up of contents.
    pub(crate) contents_looked_up: Mutex<Vec<Vec<String>>>,
    pub(crate) staged: Mutex<Vec<Part>>,
    pub(crate) outcomes: Mutex<Vec<Outcome>>,
    pub(crate) looked_up: Mutex<Vec<usize>>,
    pub(crate) renewed: Mutex<usize>,
    /// How long recording an outcome or a step takes.
    pub(crate) takes: Mutex<Duration>,
    pub(crate) due: Mutex<Vec<DueInstance>>,
    /// The steps of tasks.
    pub(crate) steps: Mutex<Vec<Step>>,
    /// As of which sweep each object was seen.
    pub(crate) marks: Mutex<HashMap<String, i64>>,
    /// When a task that could not go on is due again, and why it could not.
    pub(crate) put_off: Mutex<Vec<(Timestamp, Option<Trouble>)>>,
    /// What is handed back is due again.
    pub(crate) due_again: bool,
    pub(crate) finished: tokio::sync::Notify,
}

impl Book {
    /// The events of the last poll as `id KIND date`, staged ones first.
    pub(crate) fn events(&self) -> Vec<String> {
        let staged = self.staged.lock().unwrap();
        let outcomes = self.outcomes.lock().unwrap();
        let last = match outcomes.last() {
            Some(Outcome::Done(finding)) => &finding.part.events[..],
            _ => &[],
        };
        let all = staged.iter().flat_map(|part| &part.events).chain(last);
        all.map(|event| {
            format!("{} {} {}", event.object_id, event.kind.as_str(), event.date.seconds())
        })
        .collect()
    }
}

impl Book {
    /// What is known of objects.
    pub(crate) fn knowing(known: &[(&str, Version)]) -> Self {
        let book = Self::default();
        let known = known.iter().map(|(id, version)| ((*id).to_owned(), *version));
        book.known.lock().unwrap().extend(known);
        book
    }

    /// The events of all steps as `id KIND date`.
    pub(crate) fn told(&self) -> Vec<String> {
        let steps = self.steps.lock().unwrap();
        let events = steps.iter().flat_map(|step| &step.part.events);
        events
            .map(|event| {
                format!("{} {} {}", event.object_id, event.kind.as_str(), event.date.seconds())
            })
            .collect()
    }

    fn matches(&self, which: Tracked, id: &str, version: Version) -> bool {
        let mark = self.marks.lock().unwrap().get(id).copied().unwrap_or(0);
        match which {
            Tracked::All => true,
            Tracked::Living => version != Version::GONE,
            Tracked::Unseen(number) => version != Version::GONE && (0..=number - 2).contains(&mark),
            Tracked::Missing(number) => mark == -number,
        }
    }

    fn remember(&self, part: &Part) {
        let mut contents = self.contents.lock().unwrap();
        for Content { object_id, record } in part.contents.clone() {
            match record {
                Some(record) => drop(contents.insert(object_id, record)),
                None => drop(contents.remove(&object_id)),
            }
        }
    }
}

#[async_trait]
impl Tasks for Book {
    async fn claim_tasks(
        &self,
        _: Timestamp,
        _: usize,
        _: Duration,
        _: &[String],
    ) -> Result<ClaimedTasks, LedgerError> {
        Ok(ClaimedTasks::default())
    }

    async fn tracked(
        &self,
        _: ResourceId,
        which: Tracked,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Version)>, LedgerError> {
        let known: Vec<_> =
            self.known.lock().unwrap().iter().map(|(id, of)| (id.clone(), *of)).collect();
        let wanted = |(id, of): &(String, Version)| **id > *after && self.matches(which, id, *of);
        let mut found: Vec<_> = known.into_iter().filter(wanted).collect();
        found.sort();
        found.truncate(limit);
        Ok(found)
    }

    async fn count(&self, resource: ResourceId, which: Tracked) -> Result<u64, LedgerError> {
        Ok(self.tracked(resource, which, "", usize::MAX).await?.len() as u64)
    }

    async fn record(&self, _: &Due, _: Timestamp, step: Step) -> Result<(), LedgerError> {
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let number = match &step.task {
            Some(Task::Sweep(sweep)) => sweep.number,
            _ => 0,
        };
        let mut marks = self.marks.lock().unwrap();
        marks.extend(step.missing.iter().map(|id| (id.clone(), -number)));
        marks.extend(step.seen.iter().map(|id| (id.clone(), number)));
        let found = step.part.fingerprints.iter();
        marks.extend(found.clone().map(|of| (of.object_id.clone(), number)));
        self.known.lock().unwrap().extend(found.map(|of| (of.object_id.clone(), of.version)));
        self.steps.lock().unwrap().push(step);
        Ok(())
    }

    async fn give_back(
        &self,
        _: &Due,
        at: Timestamp,
        trouble: Option<Trouble>,
    ) -> Result<(), LedgerError> {
        self.put_off.lock().unwrap().push((at, trouble));
        Ok(())
    }
}

#[async_trait]
impl Ledger for Book {
    async fn claim(&self, _: Timestamp, limit: usize, _: Duration) -> Result<Claimed, LedgerError> {
        let mut due = self.due.lock().unwrap();
        let taken = limit.min(due.len());
        Ok(Claimed { instances: due.drain(..taken).collect(), next: None })
    }

    async fn known(
        &self,
        _: ResourceId,
        objects: Arc<[String]>,
    ) -> Result<Vec<Option<Version>>, LedgerError> {
        self.looked_up.lock().unwrap().push(objects.len());
        let known = self.known.lock().unwrap();
        Ok(objects.iter().map(|id| known.get(id).copied()).collect())
    }

    async fn contents(
        &self,
        _: ResourceId,
        objects: &[String],
    ) -> Result<Vec<Option<Bytes>>, LedgerError> {
        self.contents_looked_up.lock().unwrap().push(objects.to_vec());
        let contents = self.contents.lock().unwrap();
        Ok(objects.iter().map(|id| contents.get(id).cloned()).collect())
    }

    async fn stage(&self, _: &Due, _: Timestamp, part: Part) -> Result<(), LedgerError> {
        self.remember(&part);
        self.known
            .lock()
            .unwrap()
            .extend(part.fingerprints.iter().map(|of| (of.object_id.clone(), of.version)));
        self.staged.lock().unwrap().push(part);
        Ok(())
    }

    async fn renew(&self, _: InstanceId, _: Timestamp, _: Duration) -> Result<(), LedgerError> {
        *self.renewed.lock().unwrap() += 1;
        Ok(())
    }

    async fn finish(&self, due: &Due, outcome: Outcome) -> Result<(), LedgerError> {
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        if let Outcome::Done(finding) = &outcome {
            let part =
                finding.part.fingerprints.iter().map(|of| (of.object_id.clone(), of.version));
            self.known.lock().unwrap().extend(part);
            self.remember(&finding.part);
        }
        if self.due_again && matches!(outcome, Outcome::Deferred(_)) {
            let (instance, resources) = (due.target.instance, vec![due.clone()]);
            self.due.lock().unwrap().push(DueInstance { instance, failures: 0, resources });
        }
        self.outcomes.lock().unwrap().push(outcome);
        self.finished.notify_one();
        Ok(())
    }
}
