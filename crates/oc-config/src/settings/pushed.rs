//! `event.vendor.type`: of which resources the provider is to tell by itself, beside polling.

use std::collections::BTreeSet;

use super::Reader;
use crate::{Condition, Diagnostic, FieldPath, HubCall, Operator, RenderAt, ResourceConfig};
use crate::{Timestamp, Webhooks};

/// The key that says how changes are found.
const KEY: &str = "event.vendor.type";

impl Reader<'_> {
    /// The names of the resources whose changes are pushed; none with polling alone.
    pub(super) fn pushed(&mut self, resources: &[ResourceConfig]) -> BTreeSet<String> {
        let connector = self.connector;
        let vendor = self.configuration.get(KEY).unwrap_or("polling").trim().to_lowercase();
        match (vendor.as_str(), &connector.webhooks) {
            ("polling", _) => BTreeSet::new(),
            ("webhook" | "webhooks", Some(webhooks)) => {
                let pushed = resources.iter().filter(|one| self.is_pushed(webhooks, one));
                pushed.map(|one| one.name.clone()).collect()
            }
            ("webhook" | "webhooks", None) => {
                let name = &connector.name;
                self.fault(KEY, &format!("{name} has no webhooks here; use polling"));
                BTreeSet::new()
            }
            _ => {
                let known = if connector.webhooks.is_some() {
                    "polling or webhook was"
                } else {
                    "polling was"
                };
                self.fault(KEY, &format!("`{vendor}` was found; {known} expected"));
                BTreeSet::new()
            }
        }
    }

    fn is_pushed(&mut self, webhooks: &Webhooks, one: &ResourceConfig) -> bool {
        let why = if webhooks.events_of(&one.resource).next().is_none() {
            "the provider has no webhooks for it"
        } else if !self.asks_for_all(one) {
            "its url has further conditions, which cannot be applied to what is pushed"
        } else {
            return true;
        };
        let message = format!("`{}` is only polled: {why}", one.name);
        self.remarks.push(Diagnostic::warning(format!("configuration.{KEY}"), message));
        false
    }

    /// Whether the url asks for every change; it may bound the updated date.
    fn asks_for_all(&self, one: &ResourceConfig) -> bool {
        let at = RenderAt { last_poll: Timestamp::EPOCH, now: Timestamp::EPOCH };
        let lookup = |name: &str| self.configuration.get(name).map(str::to_owned);
        let Ok(text) = one.url.render_encoded(&at, &lookup) else { return false };
        let Ok((call, _)) = HubCall::parse(&text) else { return false };
        let resource = self.connector.resources.get(&one.resource);
        let usual = resource.and_then(|resource| resource.updated.as_ref());
        let own = one.updated.as_ref().map(|date| &date.path);
        let dates: Vec<&FieldPath> = usual.into_iter().chain(own).collect();
        let conditions = call.condition.as_ref().map_or(&[][..], Condition::conjuncts);
        call.other.is_empty() && conditions.iter().all(|one| bounds(one, &dates))
    }
}

/// Whether a condition is a bound of one of these dates.
fn bounds(condition: &Condition, dates: &[&FieldPath]) -> bool {
    let Condition::Compare { field, operator, .. } = condition else { return false };
    let name = field.0.join(".");
    !matches!(operator, Operator::Equal | Operator::NotEqual)
        && dates.iter().any(|date| date.to_string() == name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value as Json, json};

    use crate::{Catalogue, Configuration, Connector, Diagnostic, InstanceSettings};

    fn read(connector: &Connector, values: &Json) -> Result<(Vec<String>, Vec<String>), String> {
        let (configuration, _) = Configuration::from_json(values.as_object().unwrap(), connector);
        let read = InstanceSettings::read(&configuration, connector, Duration::from_secs(60));
        let texts =
            |remarks: Vec<Diagnostic>| remarks.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (settings, warnings) = read.map_err(|faults| texts(faults).join("; "))?;
        Ok((settings.pushed.into_iter().collect(), texts(warnings)))
    }

    fn salesloft() -> Arc<Connector> {
        Arc::clone(Catalogue::built_in().unwrap().find("salesloft").unwrap())
    }

    #[test]
    fn both_spellings_ask_for_what_the_provider_can_push() {
        let salesloft = salesloft();
        assert!(read(&salesloft, &json!({})).unwrap().0.is_empty());
        for spelling in ["webhook", "webhooks", "WEBHOOK"] {
            let read = read(&salesloft, &json!({"event.vendor.type": spelling})).unwrap();
            assert_eq!(read, (vec!["contacts".to_owned()], vec![]));
        }
        let fault = read(&salesloft, &json!({"event.vendor.type": "pigeon"})).unwrap_err();
        assert!(fault.contains("`pigeon` was found; polling or webhook was expected"), "{fault}");
    }

    #[test]
    fn a_connector_without_webhooks_refuses_them() {
        let without = Connector { webhooks: None, ..Connector::clone(&salesloft()) };
        let fault = read(&without, &json!({"event.vendor.type": "webhook"})).unwrap_err();
        assert!(fault.contains("SalesLoft has no webhooks here; use polling"), "{fault}");
    }

    #[test]
    fn what_cannot_be_pushed_is_only_polled_with_a_warning() {
        let poller = json!({
            "contacts": {"url": "/contacts?where=updated_at>='${epoch}' and owner_id='7'", "idField": "id"},
            "calls": {"url": "/calls?where=updated_at>='${epoch}'&fields=id", "idField": "id"},
            "users": {"url": "/users", "idField": "id"},
            "steps": {"url": "/steps?where=updated_at>='${epoch}'", "idField": "id"}});
        let values = json!({"event.vendor.type": "webhook", "event.poller.configuration": poller.to_string()});
        let (pushed, warnings) = read(&salesloft(), &values).unwrap();
        assert_eq!(pushed, ["calls", "users"]);
        assert!(warnings[0].contains("`contacts` is only polled: its url"), "{warnings:?}");
        assert!(
            warnings[1].contains("`steps` is only polled: the provider has no"),
            "{warnings:?}"
        );
    }
}
