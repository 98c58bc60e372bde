//! One list request of a provider: its url, and what its answer must look like.

use oc_config::{Condition, Resource};
use oc_egress::Response;
use serde_json::Value as Json;
use url::Url;

use crate::plan::{Filter, Plan};
use crate::{HubError, Page, PageForm, Picker, Target};

/// The url of a page, its records in the order that some parameters ask for.
pub(crate) fn request_url(
    target: &Target,
    order: &[(String, String)],
    plan: &Plan,
    filters: &[Filter],
    number: u32,
) -> Result<Url, HubError> {
    let paging = &target.connector.paging;
    let mut url = below_base(target, &plan.path)?;
    url.query_pairs_mut()
        .extend_pairs(&plan.fixed)
        .extend_pairs(order)
        .extend_pairs(filters.iter().map(|filter| (filter.name(), filter.value.as_str())))
        .append_pair(&paging.size, &plan.page_size.to_string())
        .append_pair(&paging.page, &number.to_string());
    Ok(url)
}

/// A path below the provider's base url.
pub(crate) fn below_base(target: &Target, path: &str) -> Result<Url, HubError> {
    let base = target.base.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}{path}"))
        .map_err(|_| HubError::NoAnswer("the provider's url is no url".to_owned()))
}

/// Takes an answer apart; one that ignored a filter is none.
pub(crate) fn read_page(
    target: &Target,
    resource: &Resource,
    filters: &[Filter],
    fields: &Picker,
    response: Response,
) -> Result<Page, String> {
    let connector = &target.connector;
    let echo = connector.filtering.echo.as_ref();
    let (items, next) = (&resource.items, connector.paging.next.as_ref());
    let total = connector.paging.total.as_ref();
    let form = PageForm { items, fields, next, echo, total };
    let page = Page::parse(response.body, &form).map_err(|error| error.to_string())?;
    if echo.is_some() {
        let applied = page.echo.as_ref().unwrap_or(&Json::Null);
        if let Some(ignored) = filters.iter().find(|filter| !filter.is_echoed(applied)) {
            return Err(format!(
                "it ignored the filter `{}`, so that these are not the records asked for",
                ignored.name()
            ));
        }
    }
    Ok(page)
}

/// The number of the page behind one, when there is one. What the provider sent decides, never what
/// is left after filtering.
pub(crate) fn following(page: &Page, number: u32, plan: &Plan) -> Option<u32> {
    let size = usize::try_from(plan.page_size).unwrap_or(usize::MAX);
    if page.is_empty() || (page.next.is_none() && page.len() < size) {
        return None;
    }
    let named = page.next.as_ref().and_then(Json::as_u64);
    let named = named.and_then(|at| u32::try_from(at).ok()).filter(|named| *named > number);
    named.or_else(|| number.checked_add(1))
}

/// The records for which what is evaluated here holds.
pub(crate) fn matching(page: Page, condition: Option<&Condition>) -> Page {
    let Some(condition) = condition else { return page };
    page.retained(|record| {
        serde_json::from_slice::<Json>(record.json).is_ok_and(|record| condition.matches(&record))
    })
}
