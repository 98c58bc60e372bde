//! Reading a poller configuration with all its tolerated variations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::check::check_url;
use super::{DateField, DetectDeletes, Initial, PollerConfiguration, ResourceConfig};
use crate::{DateReader, Diagnostic, FieldPath, UrlTemplate, Zone};

const OWN_KEYS: [&str; 12] = [
    "url",
    "idField",
    "datesConfiguration",
    "filterByUpdatedDate",
    "filterByCurrentDate",
    "createdCheckTolerance",
    "pageSize",
    "pollDelay",
    "overlap",
    "changes",
    "initial",
    "detectDeletes",
];
const DATE_KEYS: [&str; 6] = [
    "updatedDateField",
    "updatedDateFormat",
    "updatedDateTimezone",
    "createdDateField",
    "createdDateFormat",
    "createdDateTimezone",
];

pub(super) fn configuration(
    value: &Json,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> PollerConfiguration {
    let mut found = PollerConfiguration::default();
    let object = match value {
        Json::Object(object) => object.clone(),
        Json::String(text) if text.trim().is_empty() => Map::new(),
        Json::String(text) => match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                let message = format!("this is no JSON object: {error}");
                found.diagnostics.push(Diagnostic::error("", message).at(error.column()));
                return found;
            }
        },
        _ => {
            let message = "an object, or its text, with one member for each resource was expected";
            found.diagnostics.push(Diagnostic::error("", message));
            return found;
        }
    };
    for (name, member) in &object {
        match member.as_object().filter(|member| names_a_resource(member)) {
            Some(members) => {
                let mut reader = Reader { name, found: BTreeMap::new(), remarks: Vec::new() };
                let resource = reader.resource(members, lookup);
                found.diagnostics.append(&mut reader.remarks);
                found.resources.extend(resource);
            }
            None => found.diagnostics.push(Diagnostic::warning(
                name,
                "this is no resource, as it has neither url nor idField; it is not used here",
            )),
        }
    }
    found
}

/// Resources are told from misplaced members by their url or idField.
pub(crate) fn names_a_resource(members: &Map<String, Json>) -> bool {
    let named = |key: &String| ["url", "idField"].iter().any(|own| own.eq_ignore_ascii_case(key));
    members.keys().any(named)
}

/// One resource's members by their documented keys, each with the path where it was found.
struct Reader<'a> {
    name: &'a str,
    found: BTreeMap<&'static str, (String, String)>,
    remarks: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn resource(
        &mut self,
        members: &Map<String, Json>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<ResourceConfig> {
        self.collect(members, &format!("{}.", self.name), false);
        let id_field = self.required("idField").and_then(|(path, text)| {
            FieldPath::parse(&text).map_err(|fault| self.remarks.push(fault.under(&path))).ok()
        });
        let updated = self.date(["updatedDateField", "updatedDateFormat", "updatedDateTimezone"]);
        let created = self.date(["createdDateField", "createdDateFormat", "createdDateTimezone"]);
        let filter_by_updated_date = self.flag("filterByUpdatedDate", true);
        let filter_by_current_date = self.flag("filterByCurrentDate", false);
        let tolerance = self.seconds("createdCheckTolerance");
        let page_size = self.page_size();
        let poll_delay = self.seconds("pollDelay").unwrap_or_default();
        let overlap = self.seconds("overlap");
        let is_dated = updated.is_some() || created.is_some();
        let (initial, detect_deletes) = (self.initial(is_dated), self.detect_deletes());
        let changes = self.flag("changes", false);
        let (url, resource) = self.url(poll_delay, lookup)?;
        Some(ResourceConfig {
            name: self.name.to_owned(),
            resource,
            url,
            id_field: id_field?,
            updated,
            created,
            filter_by_updated_date,
            filter_by_current_date,
            tolerance: tolerance.unwrap_or(Duration::from_secs(10)),
            page_size,
            poll_delay,
            overlap,
            initial,
            detect_deletes,
            changes,
        })
    }

    /// Finds every known key, in any case and on either level.
    fn collect(&mut self, members: &Map<String, Json>, at: &str, in_dates: bool) {
        let (own, others): (&[&'static str], &[&'static str]) =
            if in_dates { (&DATE_KEYS, &OWN_KEYS) } else { (&OWN_KEYS, &DATE_KEYS) };
        for (key, value) in members {
            let path = format!("{at}{key}");
            let same = |known: &&&str| known.eq_ignore_ascii_case(key);
            let known = own.iter().find(same).or_else(|| others.iter().find(same));
            let Some(known) = known else {
                let message = "this key means nothing here; it is not used".to_owned();
                self.warn(&path, message);
                continue;
            };
            if !own.contains(known) {
                let place =
                    if in_dates { "beside datesConfiguration" } else { "in datesConfiguration" };
                self.warn(&path, format!("read as if it stood {place}, where it belongs"));
            } else if known != key {
                self.warn(&path, format!("read as `{known}`"));
            }
            match value {
                Json::Object(dates) if *known == "datesConfiguration" && !in_dates => {
                    self.collect(dates, &format!("{path}."), true);
                }
                Json::Null => {}
                Json::Object(_) if *known == "detectDeletes" => {
                    drop(self.found.insert(known, (path, value.to_string())));
                }
                Json::Object(_) | Json::Array(_) => {
                    self.fault(&path, "a text, a number or a boolean was expected");
                }
                Json::String(text) if text.trim().is_empty() => {}
                Json::String(text) => drop(self.found.insert(known, (path, text.clone()))),
                scalar => drop(self.found.insert(known, (path, scalar.to_string()))),
            }
        }
    }

    fn initial(&mut self, is_dated: bool) -> Initial {
        let Some((path, text)) = self.found.remove("initial") else { return Initial::Now };
        let initial = Initial::parse(&text);
        if matches!(initial, Some(Initial::Since(_))) && !is_dated {
            let needs = "a date needs updatedDateField or createdDateField to compare with";
            self.fault(&path, needs);
        }
        initial.unwrap_or_else(|| {
            self.fault(
                &path,
                &format!("`{text}` was found; \"now\", \"all\" or an ISO 8601 date was expected"),
            );
            Initial::Now
        })
    }

    fn detect_deletes(&mut self) -> Option<DetectDeletes> {
        let (path, text) = self.found.remove("detectDeletes")?;
        DetectDeletes::parse(&text).unwrap_or_else(|(member, message)| {
            let dot = if member.is_empty() { "" } else { "." };
            self.fault(&format!("{path}{dot}{member}"), message);
            None
        })
    }

    fn required(&mut self, key: &'static str) -> Option<(String, String)> {
        let found = self.found.remove(key);
        if found.is_none() {
            self.fault(&format!("{}.{key}", self.name), &format!("{key} is missing"));
        }
        found
    }

    fn url(
        &mut self,
        delay: Duration,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<(UrlTemplate, String)> {
        let (path, text) = self.required("url")?;
        let mut remarks = Vec::new();
        let mut template = None;
        match UrlTemplate::parse(&text) {
            Ok((read, warnings)) => {
                let checked = check_url(&read, delay, lookup);
                remarks.extend(warnings.into_iter().chain(checked.remarks));
                let read = match checked.stray_quote {
                    Some(column) => {
                        UrlTemplate::parse(&without(&text, column)).ok().map(|again| again.0)
                    }
                    None => Some(read),
                };
                template = read.map(|read| (read, checked.resource));
            }
            Err(faults) => remarks.extend(faults),
        }
        self.remarks.extend(remarks.into_iter().map(|remark| remark.under(&path)));
        template
    }

    fn date(&mut self, [field, format, zone]: [&'static str; 3]) -> Option<DateField> {
        let (format, zone) = (self.found.remove(format), self.found.remove(zone));
        let (path, text) = self.found.remove(field)?;
        let place = FieldPath::parse(&text).map_err(|fault| self.remarks.push(fault.under(&path)));
        let rules = match &zone {
            None => Some(Zone::gmt()),
            Some((path, name)) => {
                let zone = Zone::parse(name);
                if zone.is_none() {
                    self.fault(path, &format!("`{name}` is no time zone"));
                }
                zone
            }
        };
        let form = format.as_ref().map(|(_, text)| text.as_str());
        let reader = match DateReader::parse(form, rules?) {
            Ok((reader, warning)) => {
                let at = format.as_ref().map_or("", |(path, _)| path);
                self.remarks.extend(warning.map(|warning| warning.under(at)));
                reader
            }
            Err(fault) => {
                let at = format.as_ref().map_or("", |(path, _)| path);
                self.remarks.push(fault.under(at));
                return None;
            }
        };
        let (format, zone) = (format.map(|(_, text)| text), zone.map(|(_, text)| text));
        Some(DateField { path: place.ok()?, reader, format, zone })
    }

    fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some((path, text)) = self.found.remove(key) else { return default };
        text.trim().to_ascii_lowercase().parse().unwrap_or_else(|_| {
            self.fault(&path, &format!("`{text}` was found; true or false was expected"));
            default
        })
    }

    fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        let (path, text) = self.found.remove(key)?;
        let seconds =
            text.trim().parse().ok().and_then(|n: f64| Duration::try_from_secs_f64(n).ok());
        if seconds.is_none() {
            self.fault(
                &path,
                &format!("`{text}` was found; a number of seconds from 0 was expected"),
            );
        }
        seconds
    }

    fn page_size(&mut self) -> Option<u32> {
        let (path, text) = self.found.remove("pageSize")?;
        let size = text.trim().parse().ok().filter(|size| *size > 0);
        if size.is_none() {
            self.fault(&path, &format!("`{text}` was found; a number from 1 was expected"));
        }
        size
    }

    fn warn(&mut self, path: &str, message: String) {
        self.remarks.push(Diagnostic::warning(path, message));
    }

    fn fault(&mut self, path: &str, message: &str) {
        self.remarks.push(Diagnostic::error(path, message));
    }
}

/// The text without the character at a column.
fn without(text: &str, column: usize) -> String {
    text.chars().enumerate().filter(|(at, _)| at + 1 != column).map(|(_, letter)| letter).collect()
}
