//! A list request's parameters: what is understood, corrected in silence, ignored, or refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The bounds of one date filter, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) gt: Option<i64>,
    pub(super) gte: Option<i64>,
    pub(super) lt: Option<i64>,
    pub(super) lte: Option<i64>,
}

impl Range {
    pub(super) fn holds(&self, at: i64) -> bool {
        self.gt.is_none_or(|bound| at > bound)
            && self.gte.is_none_or(|bound| at >= bound)
            && self.lt.is_none_or(|bound| at < bound)
            && self.lte.is_none_or(|bound| at <= bound)
    }

    /// Nothing before this holds.
    pub(super) fn lowest(&self) -> i64 {
        self.gt.into_iter().chain(self.gte).max().unwrap_or(i64::MIN)
    }
}

/// A list request.
#[derive(Debug, Default)]
pub(super) struct ListQuery {
    pub(super) updated: Range,
    pub(super) created: Range,
    pub(super) ids: Option<Vec<u64>>,
    pub(super) equal: BTreeMap<String, Vec<String>>,
    pub(super) by_created: bool,
    pub(super) descending: bool,
    pub(super) page: usize,
    pub(super) per_page: usize,
    pub(super) counts: bool,
    pub(super) filtering: Map<String, Value>,
}

/// The parameters that filter by equality.
const EQUAL: [&str; 4] = ["first_name", "last_name", "email_addresses[]", "do_not_contact"];

impl ListQuery {
    /// Reads a query; a bad value is the field and what is wrong with it.
    pub(super) fn read(query: &str) -> Result<Self, (String, String)> {
        let mut found = Self { descending: true, page: 1, per_page: 25, ..Self::default() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            found.parameter(&name, &value)?;
        }
        Ok(found)
    }

    /// Whether every record matches that was updated at or after an instant, or every one at all.
    pub(super) fn is_from_on(&self) -> bool {
        let Range { gt, gte: _, lt, lte } = self.updated;
        let bounds = [gt, lt, lte];
        let created = [self.created.gt, self.created.gte, self.created.lt, self.created.lte];
        let is_bound = bounds.iter().chain(&created).any(Option::is_some);
        !is_bound && self.ids.is_none() && self.equal.is_empty()
    }

    fn parameter(&mut self, name: &str, value: &str) -> Result<(), (String, String)> {
        let refused = |what: &str| Err((name.to_owned(), what.to_owned()));
        match name {
            "page" => self.page = value.parse().unwrap_or(1).max(1),
            "per_page" => self.per_page = value.parse().unwrap_or(25).clamp(1, 100),
            "include_paging_counts" => self.counts = value == "true",
            "sort_by" => match value {
                "updated_at" => self.by_created = false,
                "created_at" | "id" => self.by_created = true,
                _ => return refused("is not included in the list"),
            },
            "sort_direction" => match value.to_ascii_uppercase().as_str() {
                "ASC" => self.descending = false,
                "DESC" => self.descending = true,
                _ => return refused("is not included in the list"),
            },
            "ids[]" => {
                let Ok(id) = value.parse() else { return refused("is not a number") };
                self.ids.get_or_insert_default().push(id);
                self.filtering.insert("ids".to_owned(), json!(self.ids));
            }
            name if EQUAL.contains(&name) => {
                let values = self.equal.entry(name.trim_end_matches("[]").to_owned()).or_default();
                values.push(value.to_owned());
                self.filtering.insert(name.trim_end_matches("[]").to_owned(), json!(values));
            }
            name => return self.range(name, value),
        }
        Ok(())
    }

    /// `updated_at[gte]=...`; whatever else there is, is ignored in silence.
    fn range(&mut self, name: &str, value: &str) -> Result<(), (String, String)> {
        let Some((field, operator)) = name.strip_suffix(']').and_then(|name| name.split_once('['))
        else {
            return Ok(());
        };
        let range = match field {
            "updated_at" => &mut self.updated,
            "created_at" => &mut self.created,
            _ => return Ok(()),
        };
        let bound = match operator {
            "gt" => &mut range.gt,
            "gte" => &mut range.gte,
            "lt" => &mut range.lt,
            "lte" => &mut range.lte,
            _ => return Ok(()),
        };
        let Ok(at) = value.parse::<Timestamp>() else {
            return Err((field.to_owned(), "is not a valid date".to_owned()));
        };
        *bound = Some(at.as_microsecond());
        let echoed = self.filtering.entry(field).or_insert_with(|| json!({}));
        echoed[operator] = json!(value);
        Ok(())
    }
}

/// The page that a query asks for.
pub(super) fn page_of(query: &str) -> u64 {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let page = pairs.find(|(name, _)| name == "page");
    page.and_then(|(_, value)| value.parse().ok()).unwrap_or(1)
}
