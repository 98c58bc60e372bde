//! Reading all records of a list, page by page.

use std::collections::HashSet;
use std::sync::Arc;

use oc_config::{DateReader, FieldPath, HubCall, Operator, Resource, Timestamp, Zone};
use serde_json::Value as Json;

use crate::client::{Answer, Client, Effort};
use crate::plan::{Filter, Plan, outgoing_time, resource};
use crate::request::{matching, read_page, request_url};
use crate::{ClockReading, HubError, Page, Picker, Target};

/// A reading under way.
///
/// Where the connector says so it goes by keyset: each request asks for what was updated at or
/// after the last record of the one before, always page 1, so that records which change while they
/// are read can neither be skipped nor read twice. A page of one single instant is paged through.
pub struct Reader {
    client: Arc<Client>,
    target: Target,
    resource: Resource,
    plan: Plan,
    place: Place,
    clock: Option<ClockReading>,
}

/// Where the next request begins.
enum Place {
    Page(u32),
    Keyset { from: Option<Timestamp>, seen: HashSet<Vec<u8>>, page: u32 },
    End,
}

impl Reader {
    pub(crate) fn new(
        client: Arc<Client>,
        target: Target,
        call: &HubCall,
        page_size: Option<u32>,
    ) -> Result<Self, HubError> {
        let plan = Plan::of(&target.connector, call, page_size)?;
        let resource = resource(&target.connector, &call.resource)?.clone();
        let place = if resource.keyset {
            Place::Keyset { from: None, seen: HashSet::new(), page: 1 }
        } else {
            Place::Page(1)
        };
        Ok(Self { client, target, resource, plan, place, clock: None })
    }

    /// The next page, without the records that the one before had; `None` after the last one.
    ///
    /// # Errors
    /// Why it could not be had, after the retries that make sense.
    pub async fn next_page(&mut self) -> Result<Option<Page>, HubError> {
        let (number, from) = match &self.place {
            Place::End => return Ok(None),
            Place::Page(number) => (*number, None),
            Place::Keyset { from, page, .. } => (*page, *from),
        };
        let filters = self.filters(from);
        let url = request_url(&self.target, &self.resource, &self.plan, &filters, number)?;
        let cost = self.target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
        let read = |response| read_page(&self.target, &self.resource, &filters, response);
        let effort = Effort::patient(self.client.retry);
        let answer = self.client.get(&self.target, &url, cost, effort, read).await?;
        let Answer { read: page, clock } = answer;
        self.clock = self.clock.or(clock);
        let page = self.advance(page)?;
        Ok(Some(matching(page, self.plan.local.as_ref())))
    }

    /// How the provider's clock stood at the first answer that told.
    pub fn first_clock(&self) -> Option<ClockReading> {
        self.clock
    }

    /// The call's filters; with a place to go on from, that is the lower bound instead.
    fn filters(&self, from: Option<Timestamp>) -> Vec<Filter> {
        let mut filters = self.plan.filters.clone();
        let ranges = &self.target.connector.filtering.ranges;
        if let (Some(from), Some(updated), Some(suffix)) =
            (from, &self.resource.updated, ranges.get(&Operator::GreaterOrEqual))
        {
            let (field, greater) = (updated.to_string(), ranges.get(&Operator::Greater));
            let is_lower = |filter: &Filter| {
                filter.field == field
                    && (filter.suffix.as_ref() == Some(suffix) || filter.suffix.as_ref() == greater)
            };
            filters.retain(|filter| !is_lower(filter));
            filters.push(Filter::range(&field, suffix, outgoing_time(from)));
        }
        filters
    }

    /// Finds the next place, and leaves out what was seen before.
    fn advance(&mut self, page: Page) -> Result<Page, HubError> {
        let size = usize::try_from(self.plan.page_size).unwrap_or(usize::MAX);
        let more = !page.is_empty() && (page.next.is_some() || page.len() >= size);
        match std::mem::replace(&mut self.place, Place::End) {
            Place::End => Ok(page),
            Place::Page(number) => {
                if more {
                    let named = page
                        .next
                        .as_ref()
                        .and_then(Json::as_u64)
                        .and_then(|at| u32::try_from(at).ok());
                    self.place =
                        Place::Page(named.filter(|named| *named > number).unwrap_or(number + 1));
                }
                Ok(page)
            }
            Place::Keyset { from, mut seen, page: number } => {
                let dated = Dated::of(&self.resource);
                let last = page.records().next_back().and_then(|record| dated.updated(record));
                let kept = page.retained(|record| !dated.is_seen(record, from, &seen));
                if !more {
                    return Ok(kept);
                }
                let progress = last.is_some_and(|last| from.is_none_or(|from| last > from));
                if last < from && last.is_some() {
                    let reason = "its records are not in the order asked for".to_owned();
                    return Err(HubError::Faulty { reason, text: None });
                }
                let from = if progress { last } else { from };
                if progress {
                    seen.clear();
                }
                dated.note(&kept, from, &mut seen);
                let page = if progress { 1 } else { number + 1 };
                self.place = Place::Keyset { from, seen, page };
                Ok(kept)
            }
        }
    }
}

/// Reads the two fields that a keyset needs.
struct Dated {
    picker: Picker,
    reader: DateReader,
}

impl Dated {
    fn of(resource: &Resource) -> Self {
        let paths: [Option<FieldPath>; 3] =
            [Some(resource.id.clone()), resource.updated.clone(), None];
        Self { picker: Picker::new(paths), reader: DateReader::any(Zone::gmt()) }
    }

    fn updated(&self, record: &[u8]) -> Option<Timestamp> {
        self.reader.read_json(self.picker.pick(record)[1]?)
    }

    fn is_seen(&self, record: &[u8], from: Option<Timestamp>, seen: &HashSet<Vec<u8>>) -> bool {
        if seen.is_empty() {
            return false;
        }
        let [id, updated, _] = self.picker.pick(record);
        let at = updated.and_then(|raw| self.reader.read_json(raw));
        at == from && id.is_some_and(|id| seen.contains(id))
    }

    /// Remembers the records of the instant from which the next request goes on.
    fn note(&self, page: &Page, from: Option<Timestamp>, seen: &mut HashSet<Vec<u8>>) {
        for record in page.records().rev() {
            let [id, updated, _] = self.picker.pick(record);
            if updated.and_then(|raw| self.reader.read_json(raw)) != from {
                break;
            }
            seen.extend(id.map(<[u8]>::to_vec));
        }
    }
}

#[cfg(test)]
mod tests;
