//! A hub call as its url says it: resource, id and query (hub.md).

use percent_encoding::percent_decode_str;

use crate::{Condition, Diagnostic};

/// A call of the hub API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubCall {
    /// The resource, `/` between its parts where it has several.
    pub resource: String,
    /// The condition in `where`.
    pub condition: Option<Condition>,
    /// The fields asked for; all when empty.
    pub fields: Vec<String>,
    /// The order asked for.
    pub order_by: Option<OrderBy>,
    /// Records a page.
    pub page_size: Option<u32>,
    /// The page's number, from 1.
    pub page: Option<u32>,
    /// The cursor of an earlier answer.
    pub next_page: Option<String>,
    /// Parameters that the hub does not know: filters in the provider's own words.
    pub other: Vec<(String, String)>,
}

/// One field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The field.
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

const KNOWN: [&str; 6] = ["where", "fields", "orderby", "pagesize", "page", "nextpage"];

impl HubCall {
    /// Reads `/hubs/<anything>/<resource>?...` or `/<resource>?...`, also after `/elements/api-v2`.
    ///
    /// The query is percent-decoded once, whether it arrived encoded or not: a `+` is a plus, and a
    /// `%` that no two hexadecimal digits follow is a percent sign.
    ///
    /// # Errors
    /// What the url lacks, or the fault in its query; columns count characters of the url.
    pub fn parse(url: &str) -> Result<(Self, Vec<Diagnostic>), Diagnostic> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let resource = resource_of(path.trim_start())?;
        let mut column = path.chars().count() + 2;
        let mut pairs = Vec::new();
        for part in split_query(query) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if !name.is_empty() {
                let at = column + name.chars().count() + 1;
                pairs.push((decoded(name.trim()), decoded(value), at));
            }
            column += part.chars().count() + 1;
        }
        Self::from_pairs(resource, pairs)
    }

    /// The call of an HTTP request whose query has been decoded.
    ///
    /// # Errors
    /// As [`Self::parse`]; columns count characters of the value.
    pub fn from_query(
        resource: &str,
        pairs: Vec<(String, String)>,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnostic> {
        let pairs = pairs.into_iter().map(|(name, value)| (name, value, 1)).collect();
        Self::from_pairs(resource.to_owned(), pairs)
    }

    fn from_pairs(
        resource: String,
        pairs: Vec<(String, String, usize)>,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnostic> {
        let mut call = Self { resource, ..Self::default() };
        let mut warnings = Vec::new();
        for (name, value, column) in pairs {
            let shifted = |at: Diagnostic| {
                let within = at.column.unwrap_or(1);
                at.at(column + within - 1)
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                known if KNOWN.contains(&known) && value.is_empty() => {}
                "where" => {
                    let (condition, warning) = Condition::parse(value).map_err(shifted)?;
                    warnings.extend(warning.map(shifted));
                    call.condition = Some(condition);
                }
                "fields" => {
                    let fields = value.split(',').map(|field| field.trim().to_owned());
                    call.fields = fields.filter(|field| !field.is_empty()).collect();
                }
                "orderby" => call.order_by = Some(order_by(value).map_err(shifted)?),
                "pagesize" => call.page_size = Some(count(&name, value).map_err(shifted)?),
                "page" => call.page = Some(count(&name, value).map_err(shifted)?),
                "nextpage" => call.next_page = Some(value.to_owned()),
                _ => call.other.push((name, value.to_owned())),
            }
        }
        Ok((call, warnings))
    }
}

fn resource_of(path: &str) -> Result<String, Diagnostic> {
    let fault =
        |message: &str| Diagnostic::error("", message).at(1).help("/hubs/crm/contacts?where=...");
    if path.contains("://") {
        return Err(fault(
            "a path was expected, not an address: the instance says where the provider is",
        ));
    }
    let path = path.strip_prefix("/elements/api-v2").unwrap_or(path);
    let mut parts: Vec<String> =
        path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    if parts.first().is_some_and(|part| part == "hubs") {
        parts.drain(..parts.len().min(2));
    }
    if parts.is_empty() {
        return Err(fault("the url names no resource"));
    }
    Ok(parts.join("/").trim().to_owned())
}

/// Splits at each `&` that stands outside quotes, or before a parameter that the hub knows.
fn split_query(query: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in query.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '&' if !quoted || begins_known(&query[at + 1..]) => {
                parts.push(&query[start..at]);
                (start, quoted) = (at + 1, false);
            }
            _ => {}
        }
    }
    parts.push(&query[start..]);
    parts
}

fn begins_known(text: &str) -> bool {
    let begins = |name: &&str| {
        text.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
            && text[name.len()..].starts_with('=')
    };
    KNOWN.iter().any(begins)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn order_by(value: &str) -> Result<OrderBy, Diagnostic> {
    let mut words = value.split_whitespace();
    let (field, direction, more) = (words.next(), words.next(), words.next());
    let descending = match direction.map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => Some(false),
        Some("desc") => Some(true),
        Some(_) => None,
    };
    match (field, descending, more) {
        (Some(field), Some(descending), None) => {
            Ok(OrderBy { field: field.to_owned(), descending })
        }
        _ => {
            let message = format!("`{value}` was found; one field, then asc or desc, was expected");
            Err(Diagnostic::error("", message).at(1).help("orderBy=updated_at desc"))
        }
    }
}

fn count(name: &str, value: &str) -> Result<u32, Diagnostic> {
    value.parse().ok().filter(|count| *count > 0).ok_or_else(|| {
        Diagnostic::error("", format!("{name} is `{value}`; a number from 1 was expected")).at(1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(url: &str) -> HubCall {
        HubCall::parse(url).unwrap().0
    }

    fn condition(url: &str) -> String {
        parse(url).condition.unwrap().to_string()
    }

    #[test]
    fn the_hub_segment_may_be_anything_or_missing() {
        for url in [
            "/hubs/crm/contacts",
            "/hubs/whatever/contacts",
            "/contacts",
            "contacts",
            "/elements/api-v2/hubs/crm/contacts?",
        ] {
            assert_eq!(parse(url).resource, "contacts", "{url}");
        }
        assert_eq!(
            parse("/hubs/general/calendars/team/changed-events").resource,
            "calendars/team/changed-events"
        );
    }

    #[test]
    fn a_query_is_decoded_once_whether_it_was_encoded_or_not() {
        let plain = "updated_at >= '2026-11-24T03:04:05+01:00'";
        assert_eq!(condition("/c?where=updated_at>='2026-11-24T03:04:05+01:00'"), plain);
        assert_eq!(
            condition("/c?where=updated_at%3E%3D%272026-11-24T03%3A04%3A05%2B01%3A00%27"),
            plain
        );
        assert_eq!(condition("/c?where=a LIKE 'x%'"), "a LIKE 'x%'");
    }

    #[test]
    fn what_separates_parameters_may_stand_inside_a_text() {
        let call = parse("/c?where=a='x&y=1'&orderBy=b desc&pageSize=50&owner=7");
        assert_eq!(call.condition.unwrap().to_string(), "a = 'x&y=1'");
        assert_eq!(call.order_by, Some(OrderBy { field: "b".to_owned(), descending: true }));
        assert_eq!((call.page_size, call.other.len()), (Some(50), 1));
    }

    #[test]
    fn a_quote_too_many_does_not_swallow_the_next_parameter() {
        let (call, warnings) = HubCall::parse("/c?where=a>='2026''&pageSize=5").unwrap();
        assert_eq!((call.page_size, warnings.len()), (Some(5), 1));
    }

    #[test]
    fn faults_carry_the_column_in_the_url() {
        let table = [
            ("/c?where=a=b", 12),
            ("/c?pageSize=x", 13),
            ("/c?a=1&page=0", 13),
            ("https://x/c", 1),
            ("/hubs/crm", 1),
            ("/c?orderBy=a b c", 12),
        ];
        for (url, column) in table {
            assert_eq!(HubCall::parse(url).unwrap_err().column, Some(column), "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_url_panics(url in "[/?&=%'a-cé0-9 +]{0,50}") {
            let _ = HubCall::parse(&url);
        }
    }
}
