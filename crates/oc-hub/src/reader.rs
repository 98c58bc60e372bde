//! Reading all records of a list, page by page.

use std::sync::Arc;

use oc_config::{HubCall, Operator, Resource, Timestamp};

use crate::client::{Answer, Asked, Client, Effort};
use crate::keyset::Keyset;
use crate::newest_first::NewestFirst;
use crate::plan::{Filter, Plan, outgoing_time, resource};
use crate::request::{following, matching, read_page, request_url};
use crate::{ClockReading, HubError, Page, Picker, Target};

/// A reading under way: by keyset or the newest first where the connector says so, else by page
/// number.
pub struct Reader {
    client: Arc<Client>,
    target: Target,
    resource: Resource,
    plan: Plan,
    fields: Picker,
    place: Place,
    clock: Option<ClockReading>,
    effort: Effort,
    /// Parameters of the first request alone.
    first: Vec<(String, String)>,
}

/// A place in a list at which a later reading can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadPlace {
    /// At its beginning.
    #[default]
    Begin,
    /// At what was updated at or after an instant.
    Since(Timestamp),
    /// At a page.
    Page(u32),
}

impl ReadPlace {
    /// The place one page earlier where rows may have moved up since: only numbered pages move.
    #[must_use]
    pub fn with_margin(self) -> Self {
        match self {
            Self::Page(number) => Self::Page(number.saturating_sub(1).max(1)),
            other => other,
        }
    }
}

/// Where the next request begins.
enum Place {
    Page(u32),
    Keyset(Box<Keyset>),
    NewestFirst(Box<NewestFirst>),
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
            Place::Keyset(Box::new(Keyset::new(&resource, None)))
        } else if resource.newest_first {
            Place::NewestFirst(Box::new(NewestFirst::new(&resource, plan.local.as_ref())))
        } else {
            Place::Page(1)
        };
        let effort = Effort::patient(client.retry);
        Ok(Self {
            client,
            target,
            resource,
            plan,
            fields,
            place,
            clock: None,
            effort,
            first: Vec::new(),
        })
    }

    /// Goes on at a place that an earlier reading of the same call has reached.
    #[must_use]
    pub fn starting_at(mut self, place: ReadPlace) -> Self {
        match (&mut self.place, place) {
            (Place::Keyset(keyset), ReadPlace::Since(from)) => {
                **keyset = Keyset::new(&self.resource, Some(from));
            }
            (Place::Page(number), ReadPlace::Page(page)) => *number = page.max(1),
            // The connector reads the list in another way now: from the beginning.
            _ => {}
        }
        self
    }

    /// Uses only what others leave of the rate limit, and fails rather than wait for more.
    #[must_use]
    pub fn with_spare_budget(mut self) -> Self {
        self.effort = Effort::spare(self.client.retry);
        self
    }

    /// Asks the provider once how many records there are, where it tells when asked.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.first.clone_from(&self.target.connector.paging.count);
        self
    }

    /// Where the next request begins; `None` at the end.
    pub fn place(&self) -> Option<ReadPlace> {
        match &self.place {
            Place::End => None,
            Place::Page(number) => Some(ReadPlace::Page(*number)),
            // What is new meanwhile moves everything: it can only be read as a whole.
            Place::NewestFirst(newest) => newest.next().map(|_| ReadPlace::Begin),
            Place::Keyset(keyset) => {
                let (from, _) = keyset.next()?;
                Some(from.map_or(ReadPlace::Begin, ReadPlace::Since))
            }
        }
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
            Place::NewestFirst(newest) => newest.next().map(|number| (None, number)),
        };
        let Some((from, number)) = next else { return Ok(None) };
        let filters = self.filters(from);
        let order = &self.resource.order;
        let mut url = request_url(&self.target, order, &self.plan, &filters, number)?;
        if !self.first.is_empty() {
            url.query_pairs_mut().extend_pairs(std::mem::take(&mut self.first));
        }
        let cost = self.target.connector.limits.as_ref().map_or(1, |limits| limits.cost_of(number));
        let read =
            |response| read_page(&self.target, &self.resource, &filters, &self.fields, response);
        let asked = Asked::get(&url, cost);
        let answer = self.client.send(&self.target, &asked, self.effort, read).await?;
        let Answer { read: page, clock } = answer;
        self.clock = self.clock.or(clock);
        let page = self.advance(page, number)?;
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
    fn advance(&mut self, page: Page, number: u32) -> Result<Page, HubError> {
        match &mut self.place {
            Place::Keyset(keyset) => {
                let more = following(&page, 1, &self.plan).is_some();
                keyset.advance(page, more)
            }
            Place::NewestFirst(newest) => {
                let next = following(&page, number, &self.plan);
                newest.advance(page, next)
            }
            Place::Page(_) => {
                let next = following(&page, number, &self.plan);
                self.place = next.map_or(Place::End, Place::Page);
                Ok(page)
            }
            Place::End => Ok(page),
        }
    }
}

#[cfg(test)]
mod tests;
