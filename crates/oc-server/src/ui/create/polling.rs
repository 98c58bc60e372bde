//! What is polled, as fields of a form or as JSON; each becomes the other.

use serde_json::{Map, Value as Json};

use crate::ui::fields::Fields;

/// The key of the configuration.
pub(super) const KEY: &str = "event.poller.configuration";
/// Which of the two a form shows: `code`, or fields.
pub(super) const VIEW: &str = "polling-view";

/// Fields of a resource: name in the form, label, place in the JSON.
pub(super) const MAIN: [(&str, &str); 2] = [("url", "URL"), ("idField", "ID Field")];
/// The same for its dates, which stand below `datesConfiguration`.
pub(super) const DATES: [(&str, &str); 6] = [
    ("updatedDateField", "Updated Date Field"),
    ("updatedDateFormat", "Updated Date Format"),
    ("updatedDateTimezone", "Updated Date Timezone"),
    ("createdDateField", "Created Date Field"),
    ("createdDateFormat", "Created Date Format"),
    ("createdDateTimezone", "Created Date Timezone"),
];
const DATES_PLACE: &str = "datesConfiguration";

/// A resource as a form shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Polled {
    pub(super) name: String,
    pub(super) is_chosen: bool,
    /// Values of `MAIN` and `DATES`, in this order.
    pub(super) values: Vec<String>,
    /// Whatever else its JSON says.
    pub(super) rest: Map<String, Json>,
}

impl Polled {
    /// Reads a resource's JSON.
    fn from_json(name: &str, json: &Json, is_chosen: bool) -> Self {
        let mut rest = json.as_object().cloned().unwrap_or_default();
        let mut dates = match rest.remove(DATES_PLACE) {
            Some(Json::Object(dates)) => dates,
            _ => Map::new(),
        };
        let mut values: Vec<String> = MAIN.iter().map(|(key, _)| text(rest.remove(*key))).collect();
        values.extend(DATES.iter().map(|(key, _)| text(dates.remove(*key))));
        if !dates.is_empty() {
            rest.insert(DATES_PLACE.to_owned(), Json::Object(dates));
        }
        Self { name: name.to_owned(), is_chosen, values, rest }
    }

    fn to_json(&self) -> Json {
        let mut members = Map::new();
        let (main, dates) = self.values.split_at(MAIN.len().min(self.values.len()));
        let filled = |(key, value): (&(&str, &str), &String)| {
            (!value.trim().is_empty()).then(|| (key.0.to_owned(), Json::from(value.as_str())))
        };
        members.extend(MAIN.iter().zip(main).filter_map(filled));
        let mut rest = self.rest.clone();
        let mut others = match rest.remove(DATES_PLACE) {
            Some(Json::Object(dates)) => dates,
            _ => Map::new(),
        };
        others.extend(DATES.iter().zip(dates).filter_map(filled));
        if !others.is_empty() {
            members.insert(DATES_PLACE.to_owned(), Json::Object(others));
        }
        members.extend(rest);
        Json::Object(members)
    }

    /// The name of one of its fields.
    pub(super) fn field(at: usize, key: &str) -> String {
        format!("poll.{at}.{key}")
    }
}

/// The resources of a form that shows fields.
pub(super) fn read(fields: &Fields) -> Vec<Polled> {
    let resource = |at: usize| {
        let name = fields.text(&Polled::field(at, "name")).to_owned();
        let values = MAIN.iter().chain(&DATES);
        let values = values.map(|(key, _)| fields.exact(&Polled::field(at, key)).to_owned());
        let rest = serde_json::from_str(fields.exact(&Polled::field(at, "rest")));
        (!name.is_empty()).then(|| Polled {
            name,
            is_chosen: fields.has(&Polled::field(at, "on")),
            values: values.collect(),
            rest: rest.unwrap_or_default(),
        })
    };
    (0..).map_while(resource).collect()
}

/// The resources that a text names; those of the connector's default that it does not name follow,
/// and are not chosen.
///
/// # Errors
/// Why the text is no JSON object, with line and column.
pub(super) fn parse(text: &str, default: &str) -> Result<Vec<Polled>, String> {
    let given: Map<String, Json> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let default: Map<String, Json> = serde_json::from_str(default).unwrap_or_default();
    let named = given.iter().map(|(name, json)| Polled::from_json(name, json, true));
    let others = default.iter().filter(|(name, _)| !given.contains_key(*name));
    let others = others.map(|(name, json)| Polled::from_json(name, json, false));
    Ok(named.chain(others).collect())
}

/// Has a form show these resources as fields.
pub(super) fn put(fields: &mut Fields, polled: &[Polled]) {
    for (at, one) in polled.iter().enumerate() {
        fields.set(&Polled::field(at, "name"), one.name.as_str());
        if one.is_chosen {
            fields.set(&Polled::field(at, "on"), "true");
        }
        for ((key, _), value) in MAIN.iter().chain(&DATES).zip(&one.values) {
            fields.set(&Polled::field(at, key), value.as_str());
        }
        fields.set(&Polled::field(at, "rest"), Json::Object(one.rest.clone()).to_string());
    }
    fields.set(VIEW, "fields");
}

/// The chosen resources as JSON for people.
pub(super) fn to_text(polled: &[Polled]) -> String {
    let chosen = polled.iter().filter(|one| one.is_chosen);
    let members: Map<String, Json> = chosen.map(|one| (one.name.clone(), one.to_json())).collect();
    serde_json::to_string_pretty(&members).unwrap_or_default()
}

/// Whether a form shows the JSON.
pub(super) fn shows_code(fields: &Fields) -> bool {
    fields.text(VIEW) == "code"
}

/// What a form says is polled, as the API takes it; text that is no JSON is the API's to refuse.
pub(super) fn asked(fields: &Fields) -> String {
    if shows_code(fields) { fields.exact(KEY).to_owned() } else { to_text(&read(fields)) }
}

fn text(value: Option<Json>) -> String {
    match value {
        Some(Json::String(text)) => text,
        None | Some(Json::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str =
        r#"{"contacts":{"url":"/a","idField":"id"},"users":{"url":"/u","idField":"id"}}"#;

    #[test]
    fn json_becomes_fields_and_json_again_with_all_it_says() {
        let text = r#"{"contacts":{"url":"/b?x","idField":"id","datesConfiguration":{"updatedDateField":"u","other":"kept"},"changes":true,"detectDeletes":{"every":60}}}"#;
        let polled = parse(text, DEFAULT).unwrap();
        assert_eq!(polled.len(), 2);
        assert_eq!((polled[0].is_chosen, polled[1].is_chosen), (true, false));
        assert_eq!(polled[0].values[..3], ["/b?x", "id", "u"]);
        let back: Json = serde_json::from_str(&to_text(&polled)).unwrap();
        let given: Json = serde_json::from_str(text).unwrap();
        assert_eq!(back, given);
    }

    #[test]
    fn text_that_is_no_json_says_where() {
        let fault = parse("{\n  \"contacts\": ", DEFAULT).unwrap_err();
        assert!(fault.contains("line 2"), "{fault}");
        assert!(parse("[]", DEFAULT).is_err());
    }

    #[test]
    fn a_field_that_is_emptied_is_left_out() {
        let mut polled = parse(DEFAULT, DEFAULT).unwrap();
        polled[0].values[1] = "  ".to_owned();
        assert!(!to_text(&polled[..1]).contains("idField"));
    }
}
