//! Reading all records of a list, page by page.

use std::sync::Arc;

use oc_config::{HubCall, Operator, Resource, Timestamp};
use serde_json::Value as Json;

use crate::client::{Answer, Client, Effort};
use crate::keyset::Keyset;
use crate::plan::{Filter, Plan, outgoing_time, resource};
use crate::request::{matching, read_page, request_url};
use crate::{ClockReading, HubError, Page, Picker, Target};

/// A reading under way: by keyset where the connector says so, else by page number.
pub struct Reader {
    client: Arc<Client>,
    target: Target,
    resource: Resource,
    plan: Plan,
    fields: Picker,
    place: Place,
    clock: Option<ClockReading>,
}

/// Where the next request begins.
enum Place {
    Page(u32),
    Keyset(Box<Keyset>),
    End,
}

impl Reader {
    pub(crate) fn new(
        client: Arc<Client>,
        target: Target,
        call: &HubCall,
        page_size: Option<u32>,
        fields: Picker,
    ) -> Result<Self, HubError> {
        let plan = Plan::of(&target.connector, call, page_size)?;
        let resource = resource(&target.connector, &call.resource)?.clone();
        let place = if resource.keyset {
            Place::Keyset(Box::new(Keyset::new(&resource)))
        } else {
            Place::Page(1)
        };
        Ok(Self { client, target, resource, plan, fields, place, clock: None })
    }

    /// The next page, without the records that were read before; `None` after the last one.
    ///
    /// # Errors
    /// Why it could not be had, after the retries that make sense.
    pub async fn next_page(&mut self) -> Result<Option<Page>, HubError> {
        let next = match &self.place {
            Place::End => None,
            Place::Page(number) => Some((None, *number)),
            Place::Keyset(keyset) => keyset.next(),
        };
        let Some((from, number)) = next else { return Ok(None) };
        let filters = self.filters(from);
        let url = request_url(&self.target, &self.resource, &self.plan, &filters, number)?;
        let cost = self.target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
        let read =
            |response| read_page(&self.target, &self.resource, &filters, &self.fields, response);
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

    /// Finds the next place, and leaves out what was read before.
    fn advance(&mut self, page: Page) -> Result<Page, HubError> {
        let size = usize::try_from(self.plan.page_size).unwrap_or(usize::MAX);
        let more = !page.is_empty() && (page.next.is_some() || page.len() >= size);
        match &mut self.place {
            Place::Keyset(keyset) => keyset.advance(page, more),
            Place::Page(number) if more => {
                let named = page.next.as_ref().and_then(Json::as_u64);
                let named = named.and_then(|at| u32::try_from(at).ok());
                *number = named.filter(|named| *named > *number).unwrap_or(*number + 1);
                Ok(page)
            }
            Place::Page(_) | Place::End => {
                self.place = Place::End;
                Ok(page)
            }
        }
    }
}

#[cfg(test)]
mod tests;
