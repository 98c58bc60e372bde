//! What must hold: every change that stays visible is told exactly once in each version, in order;
//! nothing is told that never was; a deletion is told once; cursors never go back; no rate limit is
//! overdrawn; a repeat has the same id and bytes; an
//! update tells what differs from the version told before.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{bail, ensure};
use oc_config::Timestamp;
use oc_poll::Due;
use serde_json::{Value, json};
use uuid::Uuid;

use super::endings;
use crate::Salesloft;
use crate::salesloft::Change;

/// The versions that the provider shows at an instant, by record.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(BTreeMap<u64, i64>);

impl Seen {
    pub(super) fn of(salesloft: &Salesloft) -> Self {
        Self(salesloft.with(|provider| {
            let now = provider.now();
            provider.world.shown_at("people", now).into_iter().collect()
        }))
    }
}

/// What an instance was told of a record.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The path of the instance.
    pub(super) path: String,
    pub(super) kind: String,
    /// The version; of a deletion only the id.
    pub(super) change: Change,
}

/// What has happened so far.
#[derive(Default)]
pub struct Story {
    /// Polls that completed.
    pub(super) polls: usize,
    /// Nothing fails any more.
    pub(super) calm: bool,
    /// What was there when events were asked for is told as well: these records.
    pub(super) old: Option<HashSet<u64>>,
    /// Deletions are told.
    pub(super) deletes: bool,
    /// When each instance asked for events, by the path of its callback.
    pub(super) starts: HashMap<String, i64>,
    /// The path of each instance.
    pub(super) paths: HashMap<i64, String>,
    cursors: HashMap<i64, Timestamp>,
    /// What a completed poll has had before its eyes all the time.
    must_be_told: HashSet<(String, u64, i64)>,
    bodies: HashMap<Uuid, Vec<u8>>,
    /// In the order of their first arrival.
    told: Vec<Told>,
    /// The title that each instance was told last of a person.
    titles: HashMap<(String, u64), Value>,
    faults: Vec<String>,
}

impl Story {
    /// How many events arrived.
    pub(super) fn told(&self) -> usize {
        self.told.len()
    }

    /// A notification arrives.
    pub(super) fn arrives(&mut self, path: &str, id: Uuid, body: &[u8]) {
        if let Some(before) = self.bodies.get(&id) {
            if before != body {
                self.faults.push(format!("{id} came with another body"));
            }
            return;
        }
        self.bodies.insert(id, body.to_vec());
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = &body["message"];
        for (at, event) in message["events"].as_array().into_iter().flatten().enumerate() {
            let record = &message["raw"]["contacts"][at];
            let id = event["objectId"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
            let updated = record["updated_at"].as_str().unwrap_or_default().to_owned();
            let kind = event["eventType"].as_str().unwrap_or_default().to_owned();
            self.changes(path, id, event, &record["title"]);
            self.told.push(Told { path: path.to_owned(), kind, change: Change { id, updated } });
        }
    }

    /// What an update tells of the title is the one told before and the one now, and nothing else
    /// of a person ever changes.
    fn changes(&mut self, path: &str, id: u64, event: &Value, title: &Value) {
        let before = self.titles.insert((path.to_owned(), id), title.clone());
        let Some(before) = before.filter(|_| event["eventType"] == "UPDATED") else { return };
        let expected = if before == *title {
            json!([])
        } else {
            json!([{"field": "title", "old": before, "new": title}])
        };
        // One that is wrong makes the later ones wrong.
        if event["changes"] != expected && self.faults.is_empty() {
            self.faults.push(format!("{path}: {id} has {expected}, and was told {event}"));
        }
    }

    /// A poll has completed; `before` and `after` are what the provider showed.
    pub(super) fn polled(&mut self, due: &Due, cursor: Timestamp, before: Seen, after: &Seen) {
        self.polls += 1;
        let resource = due.resource.0;
        let last = self.cursors.insert(resource, cursor);
        if last.is_some_and(|last| cursor < last) {
            self.faults.push(format!("the cursor of {resource} went back to {cursor}"));
        }
        let Some(path) = self.paths.get(&due.target.instance.0) else { return };
        let start = self.starts.get(path).copied().unwrap_or(i64::MAX);
        let stayed = before.0.into_iter().filter(|(id, at)| after.0.get(id) == Some(at));
        let news = stayed.filter(|(_, at)| *at > start);
        self.must_be_told.extend(news.map(|(id, at)| (path.clone(), id, at)));
    }

    /// What must hold at any moment.
    pub(super) fn check_so_far(&self, salesloft: &Salesloft) -> anyhow::Result<()> {
        ensure!(self.faults.is_empty(), "{}", self.faults.join("; "));
        let order: HashMap<Change, usize> = salesloft.with(|provider| {
            provider.world.changes.iter().cloned().enumerate().map(|(at, one)| (one, at)).collect()
        });
        let mut last: HashMap<(&str, u64), usize> = HashMap::new();
        for Told { path, change, .. } in self.told.iter().filter(|told| told.kind != "DELETED") {
            let Some(at) = order.get(change) else { bail!("{change:?} never was") };
            if let Some(before) = last.insert((path, change.id), *at) {
                ensure!(before < *at, "{path}: {change:?} came twice, or after a later version");
            }
        }
        endings::check(&self.told, salesloft)?;
        salesloft.with(|provider| {
            ensure!(provider.accounts.reused == 0, "a refresh token was used twice");
            let (used, points) = (provider.limit.most_used, provider.limit.points);
            // Where the window began is known from the first answer on.
            let ours = points * 3 / 4 + 1;
            ensure!(used <= ours, "{used} points were used in a window, of {ours}");
            Ok(())
        })
    }

    /// What must hold when everything has come to rest.
    pub(super) fn check_whole(&mut self, salesloft: &Salesloft) -> anyhow::Result<()> {
        self.check_so_far(salesloft)?;
        let now: Vec<(u64, i64)> = Seen::of(salesloft).0.into_iter().collect();
        for (path, start) in &self.starts {
            let news = now.iter().filter(|(_, at)| self.old.is_some() || at > start);
            self.must_be_told.extend(news.map(|(id, at)| (path.clone(), *id, *at)));
        }
        let told: HashSet<(&str, &Change)> =
            self.told.iter().map(|one| (one.path.as_str(), &one.change)).collect();
        for (path, id, at) in &self.must_be_told {
            let change = Change { id: *id, updated: crate::salesloft::shown_time(*at) };
            ensure!(told.contains(&(path, &change)), "{path}: {id} of {at} was never told");
        }
        if let Some(old) = &self.old {
            endings::check_beginnings(&self.told, old, salesloft)?;
        }
        if self.deletes {
            endings::check_whole(&self.told, salesloft)?;
        }
        Ok(())
    }
}
