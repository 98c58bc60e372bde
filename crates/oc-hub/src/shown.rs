//! How a record is shown: without nulls where that is wanted, and only the fields asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

/// Records are nested no deeper (runtime.md, "Limits"), so that longer paths name nothing.
const DEEPEST: usize = 128;

/// The form in which records are shown.
pub(crate) struct Shown {
    drop_nulls: bool,
    /// The fields asked for; all when there are none.
    fields: Option<Fields>,
    /// Those with dots as they were written, as a name may have dots itself.
    names: BTreeSet<String>,
}

/// Fields by the members they go through.
#[derive(Default)]
struct Fields {
    is_whole: bool,
    members: BTreeMap<String, Fields>,
}

impl Shown {
    /// Fields may be dotted paths; those of arrays are those of their elements.
    pub(crate) fn new(drop_nulls: bool, fields: &[String]) -> Self {
        let tree = (!fields.is_empty()).then(|| {
            let mut tree = Fields::default();
            for path in fields.iter().filter(|path| path.split('.').count() <= DEEPEST) {
                let into = path
                    .split('.')
                    .fold(&mut tree, |into, name| into.members.entry(name.to_owned()).or_default());
                into.is_whole = true;
            }
            tree
        });
        let names = fields.iter().filter(|path| path.contains('.')).cloned().collect();
        Self { drop_nulls, fields: tree, names }
    }

    /// A record in this form.
    pub(crate) fn of(&self, mut record: Json) -> Json {
        if self.drop_nulls {
            drop_nulls(&mut record);
        }
        match (&self.fields, record) {
            (Some(fields), Json::Object(members)) => {
                let chosen = members.into_iter().filter_map(|(name, value)| {
                    let is_named = self.names.contains(&name);
                    let value = if is_named { Some(value) } else { fields.of(&name, value) };
                    Some((name, value?))
                });
                Json::Object(chosen.collect())
            }
            (_, record) => record,
        }
    }
}

impl Fields {
    /// What is chosen of a member, when anything is.
    fn of(&self, name: &str, value: Json) -> Option<Json> {
        let field = self.members.get(name)?;
        if field.is_whole { Some(value) } else { field.within(value) }
    }

    fn within(&self, value: Json) -> Option<Json> {
        match value {
            Json::Object(members) => {
                let chosen = members
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.clone(), self.of(&name, value)?)));
                let chosen: Map<String, Json> = chosen.collect();
                (!chosen.is_empty()).then_some(Json::Object(chosen))
            }
            Json::Array(elements) => {
                let chosen: Vec<Json> =
                    elements.into_iter().filter_map(|element| self.within(element)).collect();
                (!chosen.is_empty()).then_some(Json::Array(chosen))
            }
            _ => None,
        }
    }
}

/// Null members go at every depth; null elements of arrays stay.
fn drop_nulls(value: &mut Json) {
    match value {
        Json::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Json::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(drop_nulls: bool, fields: &str, record: Json) -> Json {
        let fields: Vec<String> =
            fields.split(',').filter(|field| !field.is_empty()).map(str::to_owned).collect();
        Shown::new(drop_nulls, &fields).of(record)
    }

    fn record() -> Json {
        json!({"id": 1, "name": null, "account": {"id": 7, "name": null, "owner": {"id": 3}},
            "tags": [{"id": 1, "x": 2}, 5], "a.b": 9})
    }

    #[test]
    fn fields_may_lead_into_objects_and_arrays() {
        let table = [
            ("id,name", json!({"id": 1, "name": null})),
            ("account.id", json!({"account": {"id": 7}})),
            ("account.id,account.owner.id", json!({"account": {"id": 7, "owner": {"id": 3}}})),
            ("account.id,account", json!({"account": {"id": 7, "name": null, "owner": {"id": 3}}})),
            ("tags.id", json!({"tags": [{"id": 1}]})),
            ("a.b", json!({"a.b": 9})),
            ("id.x,account.none,none", json!({})),
        ];
        for (fields, expected) in table {
            assert_eq!(shown(false, fields, record()), expected, "{fields}");
        }
    }

    #[test]
    fn without_fields_all_of_it_is_shown_with_or_without_nulls() {
        assert_eq!(shown(false, "", record()), record());
        let without = json!({"id": 1, "account": {"id": 7, "owner": {"id": 3}},
            "tags": [{"id": 1, "x": 2}, 5], "a.b": 9});
        assert_eq!(shown(true, "", record()), without);
    }

    #[test]
    fn a_path_deeper_than_any_record_names_nothing() {
        assert_eq!(shown(false, &"a.".repeat(30_000), record()), json!({}));
    }
}
