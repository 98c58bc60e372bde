//! From a hub call to the provider's parameters (hub.md, "Translation").

use oc_config::{
    Condition, Connector, DateReader, Diagnostic, FieldName, HubCall, Operator, Resource, Value,
    Zone,
};
use serde_json::Value as Json;
use time::macros::format_description;

use crate::HubError;

/// A list request, translated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) path: String,
    /// Filters that the provider applies.
    pub(crate) filters: Vec<Filter>,
    /// Other parameters: fixed ones, and the call's own in the provider's words.
    pub(crate) fixed: Vec<(String, String)>,
    /// What is left to be evaluated here.
    pub(crate) local: Option<Condition>,
    pub(crate) page_size: u32,
}

/// One filter parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The field, by which an answer repeats the filter.
    pub(crate) field: String,
    /// The operator's suffix; none for equality.
    pub(crate) suffix: Option<String>,
    pub(crate) form: FilterForm,
    pub(crate) value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterForm {
    /// `field=value`
    Plain,
    /// `field[suffix]=value`
    Range,
    /// `field[]=value`
    List,
}

impl Filter {
    /// A bound on a field.
    pub(crate) fn range(field: &str, suffix: &str, value: String) -> Self {
        let (field, suffix) = (field.to_owned(), Some(suffix.to_owned()));
        Self { field, suffix, form: FilterForm::Range, value }
    }

    /// The parameter's name.
    pub(crate) fn name(&self) -> String {
        match self.form {
            FilterForm::Plain => self.field.clone(),
            FilterForm::List => format!("{}[]", self.field),
            FilterForm::Range => {
                format!("{}[{}]", self.field, self.suffix.as_deref().unwrap_or_default())
            }
        }
    }

    /// Whether the provider says that it applied the filter.
    pub(crate) fn is_echoed(&self, echo: &Json) -> bool {
        match (echo.get(&self.field), &self.suffix) {
            (None | Some(Json::Null), _) => false,
            (Some(found), Some(suffix)) => found.get(suffix).is_some(),
            (Some(_), None) => true,
        }
    }
}

impl Plan {
    /// Translates a call.
    pub(crate) fn of(
        connector: &Connector,
        call: &HubCall,
        page_size: Option<u32>,
    ) -> Result<Self, HubError> {
        let resource = resource(connector, &call.resource)?;
        let mut translated =
            Translated { connector, resource, filters: Vec::new(), local: Vec::new() };
        for conjunct in call.condition.iter().flat_map(Condition::conjuncts) {
            translated.conjunct(conjunct).map_err(HubError::Request)?;
        }
        let mut local = translated.local;
        let mut fixed = resource.query.clone();
        fixed.extend(call.other.iter().cloned());
        let asked = page_size.or(call.page_size).unwrap_or(connector.paging.largest);
        Ok(Self {
            path: resource.path.clone(),
            filters: translated.filters,
            fixed,
            local: if local.len() > 1 { Some(Condition::All(local)) } else { local.pop() },
            page_size: asked.clamp(1, connector.paging.largest),
        })
    }
}

/// The resource of a connector, or what there is instead.
pub(crate) fn resource<'c>(connector: &'c Connector, name: &str) -> Result<&'c Resource, HubError> {
    connector.resources.get(name).ok_or_else(|| HubError::UnknownResource {
        resource: name.to_owned(),
        known: connector.resources.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
    })
}

/// An instant in the form in which providers are asked: RFC 3339, UTC, microseconds.
pub(crate) fn outgoing_time(at: oc_config::Timestamp) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    at.to_utc().format(form).unwrap_or_default()
}

struct Translated<'a> {
    connector: &'a Connector,
    resource: &'a Resource,
    filters: Vec<Filter>,
    local: Vec<Condition>,
}

impl Translated<'_> {
    fn conjunct(&mut self, condition: &Condition) -> Result<(), Diagnostic> {
        let filters = match condition {
            Condition::Compare { field, operator, value } => self.compare(field, *operator, value),
            Condition::In { field, values, negated: false } => self.one_of(field, values),
            _ => None,
        };
        match filters {
            Some(filters) if self.add(&filters) => {}
            _ if self.is_local(condition) => self.local.push(condition.clone()),
            _ => return Err(self.cannot(condition)),
        }
        Ok(())
    }

    /// Adds the filters of one condition, if the provider can apply them together with those there
    /// are: it takes one value for each parameter, or any of several.
    fn add(&mut self, filters: &[Filter]) -> bool {
        let mut all = self.filters.clone();
        for filter in filters {
            match self.filters.iter().position(|other| other.name() == filter.name()) {
                None => all.push(filter.clone()),
                Some(at) if self.filters[at] == *filter && filters.len() == 1 => {}
                Some(at) => match self.tighter(&self.filters[at], filter) {
                    Some(value) => all[at].value = value,
                    None => return false,
                },
            }
        }
        self.filters = all;
        true
    }

    /// The one of two bounds that includes the other; of instants only.
    fn tighter(&self, one: &Filter, other: &Filter) -> Option<String> {
        let suffix = one.suffix.as_ref()?;
        let mut ranges = self.connector.filtering.ranges.iter();
        let (operator, _) = ranges.find(|(_, known)| *known == suffix)?;
        let is_lower = matches!(operator, Operator::Greater | Operator::GreaterOrEqual);
        let reader = DateReader::any(Zone::gmt());
        let (a, b) = (reader.read_text(&one.value)?, reader.read_text(&other.value)?);
        Some(if (a >= b) == is_lower { one.value.clone() } else { other.value.clone() })
    }

    fn compare(&self, field: &FieldName, operator: Operator, value: &Value) -> Option<Vec<Filter>> {
        let name = field.0.join(".");
        let text = text_of(value)?;
        let ranges = &self.connector.filtering.ranges;
        if self.resource.range.contains(&name) {
            let instant = DateReader::any(Zone::gmt()).read_text(&text).map_or(text, outgoing_time);
            let bounds = match operator {
                Operator::Equal => vec![Operator::GreaterOrEqual, Operator::LessOrEqual],
                other => vec![other],
            };
            let filter = |bound| Some(Filter::range(&name, ranges.get(&bound)?, instant.clone()));
            return bounds.into_iter().map(filter).collect();
        }
        if operator != Operator::Equal {
            return None;
        }
        if self.resource.equal.contains(&name) {
            return Some(vec![Filter {
                field: name,
                suffix: None,
                form: FilterForm::Plain,
                value: text,
            }]);
        }
        self.one_of(field, std::slice::from_ref(value))
    }

    fn one_of(&self, field: &FieldName, values: &[Value]) -> Option<Vec<Filter>> {
        let name = field.0.join(".");
        // `id = 5` is what providers call `ids[]=5`.
        let plural = format!("{name}s");
        let parameter =
            [name, plural].into_iter().find(|name| self.resource.list.contains(name))?;
        let filter = |value| {
            let (field, form) = (parameter.clone(), FilterForm::List);
            Some(Filter { field, suffix: None, form, value: text_of(value)? })
        };
        values.iter().map(filter).collect()
    }

    fn is_local(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Any(all) | Condition::All(all) => all.iter().all(|one| self.is_local(one)),
            Condition::Not(inner) => self.is_local(inner),
            Condition::Compare { field, .. }
            | Condition::In { field, .. }
            | Condition::Like { field, .. }
            | Condition::Null { field, .. } => self.resource.local.contains(&field.0.join(".")),
        }
    }

    fn cannot(&self, condition: &Condition) -> Diagnostic {
        let Resource { range, list, equal, local, .. } = self.resource;
        let mut known: Vec<&str> = Vec::new();
        for name in [range, list, equal, local].into_iter().flatten() {
            if !known.contains(&name.as_str()) {
                known.push(name);
            }
        }
        let known = known.join(", ");
        Diagnostic::error(
            "where",
            format!("`{condition}` cannot be filtered by; these fields can: {known}"),
        )
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use oc_config::Catalogue;
    use serde_json::json;

    use super::*;

    fn plan(url: &str) -> Result<Plan, HubError> {
        let catalogue = Catalogue::built_in().unwrap();
        Plan::of(catalogue.find("salesloft").unwrap(), &HubCall::parse(url).unwrap().0, None)
    }

    fn parameters(url: &str) -> Vec<String> {
        plan(url)
            .unwrap()
            .filters
            .iter()
            .map(|filter| format!("{}={}", filter.name(), filter.value))
            .collect()
    }

    #[test]
    fn conditions_become_the_providers_parameters() {
        let table: [(&str, &[&str]); 5] = [
            (
                "/contacts?where=updated_at>='2026-11-24T03:04:05-05:00'",
                &["updated_at[gte]=2026-11-24T08:04:05.000000Z"],
            ),
            (
                "/contacts?where=updated_at>'2026-01-01' and id in (1,'2')",
                &["updated_at[gt]=2026-01-01T00:00:00.000000Z", "ids[]=1", "ids[]=2"],
            ),
            ("/contacts?where=first_name='Ann'", &["first_name=Ann"]),
            ("/contacts?where=email_addresses='a@b'", &["email_addresses[]=a@b"]),
            (
                "/contacts?where=created_at='2026-01-01'",
                &[
                    "created_at[gte]=2026-01-01T00:00:00.000000Z",
                    "created_at[lte]=2026-01-01T00:00:00.000000Z",
                ],
            ),
        ];
        for (url, expected) in table {
            assert_eq!(parameters(url), expected, "{url}");
        }
    }

    #[test]
    fn what_the_provider_cannot_filter_is_evaluated_here_or_refused() {
        let users = plan("/users?where=updated_at>'2026-01-01'").unwrap();
        assert!(users.filters.is_empty() && users.local.is_some());
        let refused = plan("/contacts?where=colour='red'").unwrap_err().to_string();
        assert!(refused.contains("colour = 'red'") && refused.contains("updated_at"), "{refused}");
        assert!(plan("/notes?where=updated_at>'2026' or colour='red'").is_err());
        for local in ["city='Rome'", "updated_at>'2026' or first_name='x'", "first_name like 'A%'"]
        {
            let contacts = plan(&format!("/contacts?where={local}")).unwrap();
            assert!(contacts.filters.is_empty() && contacts.local.is_some(), "{local}");
        }
    }

    #[test]
    fn conditions_on_one_parameter_are_joined_evaluated_here_or_refused() {
        let both = "/contacts?where=updated_at>='2026-01-01' and updated_at>='2026-02-01' and updated_at<'2026-05-01' and updated_at<'2026-04-01'";
        assert_eq!(
            parameters(both),
            [
                "updated_at[gte]=2026-02-01T00:00:00.000000Z",
                "updated_at[lt]=2026-04-01T00:00:00.000000Z"
            ]
        );
        // A second `ids[]` would widen what the first has narrowed.
        let ids = plan("/contacts?where=id in (1,2) and id in (2,3)").unwrap();
        assert_eq!(
            (ids.filters.len(), ids.local.unwrap().to_string().as_str()),
            (2, "id IN (2, 3)")
        );
        assert!(plan("/cadences?where=ids in (1,2) and ids in (2,3)").is_err());
        assert_eq!(parameters("/contacts?where=first_name='x' and first_name='x'").len(), 1);
        assert!(plan("/nothing").unwrap_err().to_string().contains("contacts"));
    }

    #[test]
    fn a_filter_counts_as_applied_only_when_it_comes_back() {
        let filter = Filter::range("updated_at", "gte", String::new());
        assert!(filter.is_echoed(&json!({"updated_at": {"gte": "x"}})));
        assert!(!filter.is_echoed(&json!({"updated_at": {"lt": "x"}})));
        assert!(!filter.is_echoed(&json!({})));
    }
}
