//! The records, and how they look from outside.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::webhooks::Happened;

/// The zone in which most lists show times.
const EASTERN: &str = "America/New_York";

/// One version of a record, as it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Change {
    /// The record.
    pub id: u64,
    /// `updated_at`, as it is shown.
    pub updated: String,
}

/// One record.
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// The list shows this version from then on.
    pub(super) visible: i64,
    pub(super) fields: Map<String, Value>,
    /// The record as JSON.
    pub(super) shown: String,
}

/// All records of one list.
#[derive(Default)]
pub(super) struct Table {
    pub(super) records: HashMap<u64, Record>,
    pub(super) by_updated: BTreeSet<(i64, u64)>,
    /// From then on the list shows everything.
    pub(super) shown_from: i64,
    /// Records that were removed and can come back.
    removed: HashMap<u64, Record>,
}

/// All lists by their paths.
#[derive(Default)]
pub struct World {
    tables: HashMap<String, Table>,
    next_id: u64,
    /// Every version there has been, in order.
    pub changes: Vec<Change>,
    /// The records that were removed, in order; one that came back in between is there twice.
    pub deletions: Vec<u64>,
    /// How often each record has changed so that it showed only some time after.
    pub late: HashMap<u64, usize>,
    /// The present, when somebody changed something last.
    pub(super) now: i64,
    /// How late a change shows in lists, in microseconds.
    pub lateness: i64,
    /// Members for every new record, so that it has a real one's size.
    pub padding: usize,
    /// The zones in which records show their times, in turn; without any all are US/Eastern.
    pub zones: Vec<&'static str>,
    /// Whom to tell of what happens.
    pub(super) happened: Option<UnboundedSender<Happened>>,
}

impl World {
    /// Adds a person at an instant; tells its id.
    pub fn add_person(&mut self, at: i64) -> u64 {
        self.add("people", at, &Map::new())
    }

    /// Changes a person at an instant.
    pub fn touch_person(&mut self, id: u64, at: i64) {
        let title = json!({"title": format!("Title {at}")});
        let title = title.as_object().cloned().unwrap_or_default();
        self.update("people", id, at, &title);
    }

    /// Removes a person from the list.
    pub fn delete_person(&mut self, id: u64) {
        self.delete("people", id);
    }

    /// Adds a record.
    pub fn add(&mut self, list: &str, at: i64, fields: &Map<String, Value>) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        let mut all = person(id, self.padding);
        all.extend(fields.clone());
        let record =
            Record { id, created: at, updated: 0, visible: 0, fields: all, shown: String::new() };
        self.table(list).records.insert(id, record);
        self.put(list, id, at, &Map::new());
        self.tell(list, id, "created");
        id
    }

    /// Changes a record; its `updated_at` never goes back.
    pub fn update(&mut self, list: &str, id: u64, at: i64, fields: &Map<String, Value>) -> bool {
        let is_there = self.put(list, id, at, fields);
        if is_there {
            self.tell(list, id, "updated");
        }
        is_there
    }

    fn put(&mut self, list: &str, id: u64, at: i64, fields: &Map<String, Value>) -> bool {
        let (lateness, zone) = (self.lateness, self.zone_of(id));
        let table = self.table(list);
        let Some(record) = table.records.get_mut(&id) else { return false };
        table.by_updated.remove(&(record.updated, id));
        record.updated = at.max(record.updated + 1);
        let visible = record.updated + lateness;
        record.visible = visible;
        record.fields.extend(fields.clone());
        record.show(zone);
        table.by_updated.insert((record.updated, id));
        table.shown_from = table.shown_from.max(visible);
        let change = Change { id, updated: shown_in(zone, record.updated) };
        self.changes.push(change);
        *self.late.entry(id).or_default() += usize::from(visible > self.now);
        true
    }

    /// Removes a record.
    pub fn delete(&mut self, list: &str, id: u64) -> bool {
        self.tell(list, id, "deleted");
        let table = self.table(list);
        let Some(record) = table.records.remove(&id) else { return false };
        table.by_updated.remove(&(record.updated, id));
        table.removed.insert(id, record);
        self.deletions.push(id);
        true
    }

    /// Brings a removed record back at an instant.
    pub fn restore(&mut self, list: &str, id: u64, at: i64) -> bool {
        let table = self.table(list);
        let Some(record) = table.removed.remove(&id) else { return false };
        table.records.insert(id, record);
        self.update(list, id, at, &Map::new())
    }

    /// The ids of what a list has lost and can have back.
    pub fn removed_ids(&mut self, list: &str) -> Vec<u64> {
        let mut ids: Vec<u64> = self.table(list).removed.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Tells of what happens to a record.
    fn tell(&mut self, list: &str, id: u64, what: &'static str) {
        let record = self.table(list).records.get(&id);
        let shown = record.map(|record| record.shown.clone());
        if let (Some(happened), Some(shown)) = (&self.happened, shown) {
            // Nobody listens once the simulator has ended.
            let _ = happened.send(Happened { list: list.to_owned(), what, shown });
        }
    }

    /// The ids of a list.
    pub fn ids(&mut self, list: &str) -> Vec<u64> {
        let mut ids: Vec<u64> = self.table(list).records.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Whether a list still has the record.
    pub fn has(&self, id: u64) -> bool {
        self.tables.values().any(|table| table.records.contains_key(&id))
    }

    /// The records that a list shows at an instant, with their `updated_at` in microseconds.
    pub fn shown_at(&mut self, list: &str, now: i64) -> Vec<(u64, i64)> {
        let shown = self.table(list).records.values().filter(|record| record.visible <= now);
        shown.map(|record| (record.id, record.updated)).collect()
    }

    /// A record as it is shown.
    pub fn shown(&mut self, list: &str, id: u64) -> Option<&str> {
        self.table(list).records.get(&id).map(|record| record.shown.as_str())
    }

    fn zone_of(&self, id: u64) -> &'static str {
        let turns = self.zones.iter().cycle();
        let at = usize::try_from(id).unwrap_or(0) % self.zones.len().max(1);
        turns.copied().nth(at).unwrap_or(EASTERN)
    }

    pub(super) fn table(&mut self, list: &str) -> &mut Table {
        self.tables.entry(list.to_owned()).or_default()
    }
}

impl Record {
    fn show(&mut self, zone: &str) {
        self.fields.insert("id".to_owned(), Value::from(self.id));
        self.fields.insert("created_at".to_owned(), Value::from(shown_in(zone, self.created)));
        self.fields.insert("updated_at".to_owned(), Value::from(shown_in(zone, self.updated)));
        self.shown = Value::Object(self.fields.clone()).to_string();
    }
}

/// A time as most lists show it: microseconds, US/Eastern with its daylight saving.
pub fn eastern(micros: i64) -> String {
    shown_in(EASTERN, micros)
}

fn shown_in(zone: &str, micros: i64) -> String {
    let Ok(at) = Timestamp::from_microsecond(micros) else { return String::new() };
    let form = if zone == "UTC" { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%S.%6f%:z" };
    let Ok(zone) = TimeZone::get(zone) else { return String::new() };
    at.to_zoned_datetime(zone).strftime(form).to_string()
}

/// A person's members, many of them null.
fn person(id: u64, padding: usize) -> Map<String, Value> {
    let value = json!({
        "id": id, "created_at": null, "updated_at": null, "last_contacted_at": null,
        "last_replied_at": null, "first_name": format!("First{id}"), "last_name": "Of Many",
        "display_name": format!("First{id} Of Many"),
        "email_address": format!("first{id}@example.com"), "secondary_email_address": null,
        "phone": null, "phone_extension": null, "home_phone": null, "mobile_phone": null,
        "title": "Engineer", "city": "Portland", "state": null, "country": "US",
        "person_company_name": "Example \"Quoted\" Inc.", "person_company_website": null,
        "person_company_industry": null, "job_seniority": null, "do_not_contact": false,
        "bouncing": false, "locale": "US/Eastern", "locale_utc_offset": -240, "eu_resident": false,
        "tags": ["one", "two"], "contact_restrictions": [],
        "custom_fields": {"note": "x".repeat(padding)},
        "counts": {"emails_sent": 0, "emails_viewed": 0, "calls": 0},
        "account": {"_href": "https://api.salesloft.com/v2/accounts/7", "id": 7},
        "owner": {"_href": "https://api.salesloft.com/v2/users/3", "id": 3},
        "person_stage": null, "import": null, "last_completed_step": null,
    });
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
