//! The older `event.poller.urls`, brought into the form of `event.poller.configuration`.

use serde_json::{Map, Value as Json, json};

use crate::Diagnostic;

/// The trailing fields of a line, in their order.
const DATES: [&str; 6] = [
    "updatedDateField",
    "updatedDateFormat",
    "updatedDateTimezone",
    "createdDateField",
    "createdDateFormat",
    "createdDateTimezone",
];

/// Converts lines of `resource|url|xPathFilter|updatedField|...`, or resource names separated by
/// newline, `|` or comma that select from `default`.
///
/// # Errors
/// A line without a url or with a filter that cannot be carried out, or an unknown name; the
/// column is the line's number.
pub fn convert(text: &str, default: &Json) -> Result<Json, Vec<Diagnostic>> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let has_url = |line: &&str| line.split('|').nth(1).is_some_and(|url| url.contains(['/', '?']));
    if lines.iter().any(has_url) { whole_lines(&lines) } else { names(text, default) }
}

fn whole_lines(lines: &[&str]) -> Result<Json, Vec<Diagnostic>> {
    let (mut resources, mut faults) = (Map::new(), Vec::new());
    for (number, line) in lines.iter().enumerate() {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let field = |at: usize| fields.get(at).copied().filter(|text| !text.is_empty());
        let mut fault = |message: &str| {
            let message = format!("line {}: {message}", number + 1);
            faults.push(
                Diagnostic::error("", message).help("resource|url||updatedField|updatedFormat"),
            );
        };
        match (field(0), field(1), field(2), fields.len() > 9) {
            (Some(name), Some(url), None, false) => {
                let dates = DATES.iter().enumerate();
                let dates =
                    dates.filter_map(|(at, key)| Some(((*key).to_owned(), json!(field(at + 3)?))));
                let dates: Map<String, Json> = dates.collect();
                let resource = json!({"url": url, "idField": "id", "datesConfiguration": dates});
                resources.insert(name.to_owned(), resource);
            }
            (_, _, Some(_), _) => fault("XPath filters are not carried out; use where in the url"),
            (_, _, _, true) => fault("more than nine fields"),
            _ => fault("a resource and its url were expected"),
        }
    }
    if faults.is_empty() { Ok(Json::Object(resources)) } else { Err(faults) }
}

fn names(text: &str, default: &Json) -> Result<Json, Vec<Diagnostic>> {
    let (mut resources, mut faults) = (Map::new(), Vec::new());
    for name in text.split(['\n', '|', ',']).map(str::trim).filter(|name| !name.is_empty()) {
        match default.get(name) {
            Some(resource) => drop(resources.insert(name.to_owned(), resource.clone())),
            None => {
                let known: Vec<&str> = default
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.as_str())
                    .collect();
                let message = format!(
                    "`{name}` is not in the default configuration, which has: {}",
                    known.join(", ")
                );
                faults.push(Diagnostic::error("", message));
            }
        }
    }
    if faults.is_empty() { Ok(Json::Object(resources)) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_resource() {
        let line = "contacts|/hubs/crm/contacts?where=m>'${date:yyyy}'||updated|yyyy|GMT|created";
        let converted = convert(line, &Json::Null).unwrap();
        assert_eq!(
            converted,
            json!({"contacts": {
            "url": "/hubs/crm/contacts?where=m>'${date:yyyy}'", "idField": "id",
            "datesConfiguration": {"updatedDateField": "updated", "updatedDateFormat": "yyyy",
                "updatedDateTimezone": "GMT", "createdDateField": "created"}}})
        );
    }

    #[test]
    fn names_select_from_the_default() {
        let default = json!({"a": {"url": "/a"}, "b": {"url": "/b"}});
        for text in ["a,b", "a|b", "a\nb\n"] {
            assert_eq!(convert(text, &default).unwrap(), default, "{text}");
        }
        assert!(convert("c", &default).unwrap_err()[0].message.contains("a, b"));
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        for line in ["a|/a|//x", "a|/a|||||||||", "|/a"] {
            assert!(convert(line, &Json::Null).is_err(), "{line}");
        }
    }
}
