//! `event.poller.configuration`: which resources are polled, and how their records are read.

mod check;
mod detect_deletes;
mod initial;
mod legacy;
mod read;

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::{DateReader, Diagnostic, FieldPath, UrlTemplate};

pub use detect_deletes::DetectDeletes;
pub use initial::Initial;
pub use legacy::convert as convert_legacy_urls;
pub(crate) use read::names_a_resource;

/// How one resource is polled.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceConfig {
    /// The resource's name, which becomes `objectType`.
    pub name: String,
    /// The hub resource that the url names.
    pub resource: String,
    /// The hub call.
    pub url: UrlTemplate,
    /// Where a record's id is.
    pub id_field: FieldPath,
    /// Where its updated date is.
    pub updated: Option<DateField>,
    /// Where its created date is.
    pub created: Option<DateField>,
    /// `filterByUpdatedDate`: drop records whose updated date is not later than the last poll.
    pub filter_by_updated_date: bool,
    /// `filterByCurrentDate`: leave records later than the poll's start to the next poll.
    pub filter_by_current_date: bool,
    /// `createdCheckTolerance`: how far created and updated may differ in a new record.
    pub tolerance: Duration,
    /// `pageSize`: records a page.
    pub page_size: Option<u32>,
    /// `pollDelay`: what the url's last poll time is put back by.
    pub poll_delay: Duration,
    /// `overlap`: how much of the time before is read again on every poll; else the connector's.
    pub overlap: Option<Duration>,
    /// `initial`: what of the past is sent when the resource is new.
    pub initial: Initial,
    /// `detectDeletes`: how the resource is looked through for what has gone; `None`: not at all.
    pub detect_deletes: Option<DetectDeletes>,
    /// `changes`: an update tells which fields differ, old and new.
    pub changes: bool,
}

/// Where a date is in a record and how it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct DateField {
    /// Its place.
    pub path: FieldPath,
    /// Its form.
    pub reader: DateReader,
    /// The form as it was configured.
    pub format: Option<String>,
    /// The zone as it was configured.
    pub zone: Option<String>,
}

/// A poller configuration as it was understood.
#[derive(Clone, Debug, Default)]
pub struct PollerConfiguration {
    /// The resources, in the order in which they were written.
    pub resources: Vec<ResourceConfig>,
    /// Every remark; with an error among them no resource may be polled.
    pub diagnostics: Vec<Diagnostic>,
}

impl PollerConfiguration {
    /// Reads a configuration that arrives as an object or as JSON text; `lookup` gives the
    /// instance's configuration values that urls name.
    pub fn read(value: &Json, lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        read::configuration(value, lookup)
    }

    /// Whether it must be refused.
    pub fn is_refused(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// The configuration in its documented form.
    pub fn to_json(&self) -> Json {
        let members = self.resources.iter().map(|one| (one.name.clone(), one.to_json()));
        Json::Object(members.collect())
    }
}

impl ResourceConfig {
    /// The resource in its documented form; defaults are left out.
    pub fn to_json(&self) -> Json {
        let mut members = Map::new();
        members.insert("url".to_owned(), json!(self.url.text()));
        members.insert("idField".to_owned(), json!(self.id_field.to_string()));
        let mut dates = Map::new();
        for (name, field) in [("updated", &self.updated), ("created", &self.created)] {
            let Some(field) = field else { continue };
            dates.insert(format!("{name}DateField"), json!(field.path.to_string()));
            for (part, value) in [("Format", &field.format), ("Timezone", &field.zone)] {
                dates.extend(value.as_ref().map(|text| (format!("{name}Date{part}"), json!(text))));
            }
        }
        if !dates.is_empty() {
            members.insert("datesConfiguration".to_owned(), Json::Object(dates));
        }
        let mut put = |name: &str, value: Json, default: Json| {
            if value != default {
                members.insert(name.to_owned(), value);
            }
        };
        put("filterByUpdatedDate", json!(self.filter_by_updated_date), json!(true));
        put("filterByCurrentDate", json!(self.filter_by_current_date), json!(false));
        put("createdCheckTolerance", seconds(self.tolerance), json!(10));
        put("pageSize", json!(self.page_size), Json::Null);
        put("pollDelay", seconds(self.poll_delay), json!(0));
        put("overlap", self.overlap.map_or(Json::Null, seconds), Json::Null);
        put("initial", json!(self.initial.to_string()), json!("now"));
        let deletes = self.detect_deletes.map_or(Json::Null, DetectDeletes::to_json);
        put("detectDeletes", deletes, Json::Null);
        put("changes", json!(self.changes), json!(false));
        Json::Object(members)
    }
}

fn seconds(duration: Duration) -> Json {
    if duration.subsec_nanos() == 0 {
        json!(duration.as_secs())
    } else {
        json!(duration.as_secs_f64())
    }
}
