//! What the ways of reading changes need: keyset, and the newest first.

use super::definition::Faults;
use super::{Filtering, Resource, Sorting};
use crate::Operator;

/// Tells what a resource at `path` lacks for the way in which it is to be read.
pub(super) fn check(
    resource: &Resource,
    filtering: &Filtering,
    sorting: Option<&Sorting>,
    path: &str,
    faults: &mut Faults,
) {
    if resource.keyset {
        let at = format!("{path}.keyset");
        if resource.updated.is_none() {
            faults.add(&at, "reading by keyset needs the updated field");
        }
        if !filtering.ranges.contains_key(&Operator::GreaterOrEqual) {
            faults.add(&at, "reading by keyset needs `>=` in filtering.ranges");
        }
    }
    if resource.newest_first {
        let at = format!("{path}.newest_first");
        if resource.keyset {
            let message = "a resource is read by keyset or the newest first, not both; keyset is better where the provider filters by date";
            faults.add(&at, message);
        }
        order_of_newest_first(resource, sorting, &at, faults);
    }
}

fn order_of_newest_first(
    resource: &Resource,
    sorting: Option<&Sorting>,
    at: &str,
    faults: &mut Faults,
) {
    let Some(updated) = resource.updated.as_ref().map(ToString::to_string) else {
        faults.add(at, "reading the newest first needs the updated field");
        return;
    };
    if resource.order.is_empty() {
        faults
            .add(at, format!("reading the newest first needs an order by `{updated}`, descending"));
        return;
    }
    let asks_for = |descending| {
        let asked = sorting.map(|sorting| sorting.parameters(&updated, descending));
        asked.is_some_and(|asked| asked.iter().all(|one| resource.order.contains(one)))
    };
    if asks_for(false) && !asks_for(true) {
        faults
            .add(at, format!("the order asks for `{updated}` ascending; descending was expected"));
    }
}
