//! `event.poller.*`: what is polled unless an instance says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::configuration::Values;
use super::native::{Polling, Resource};
use super::notes::Notes;
use crate::{Condition, HubCall, PollerConfiguration, RenderAt, ResourceConfig, Timestamp};

/// Minutes from one poll to the next where the file does not say.
const USUAL: u64 = 15;

/// The defaults of polling. Resources learn from them which of their fields are dates, so that the
/// conditions on these can at least be evaluated here.
pub(super) fn read(
    values: &Values<'_>,
    resources: &mut BTreeMap<String, Resource>,
    notes: &mut Notes,
) -> Polling {
    let interval = values.default("event.poller.refresh_interval");
    let interval = interval.map(|(path, text)| {
        text.parse::<f64>().ok().filter(|minutes| *minutes >= 1.0).map_or_else(
            || {
                notes.add(
                    &path,
                    format!("`{text}` is no number of whole minutes; {USUAL} are used"),
                );
                USUAL
            },
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at least 1; a cast saturates"
            )]
            |minutes| minutes.round() as u64,
        )
    });
    let configuration = match values.default("event.poller.configuration") {
        Some((path, text)) => configuration(&path, &text, resources, notes),
        None => "{}".to_owned(),
    };
    Polling { interval: interval.unwrap_or(USUAL).min(1 << 40), configuration }
}

fn configuration(
    path: &str,
    text: &str,
    resources: &mut BTreeMap<String, Resource>,
    notes: &mut Notes,
) -> String {
    let Ok(json) = serde_json::from_str::<Json>(text) else {
        notes.add(path, "this is not JSON; nothing is polled by default");
        return "{}".to_owned();
    };
    let read = PollerConfiguration::read(&json, &|_| None);
    for remark in read.diagnostics {
        notes.0.push(remark.under(path));
    }
    for config in &read.resources {
        match resources.get_mut(&config.resource) {
            Some(resource) => learn(path, config, resource, notes),
            None => notes.add(
                &format!("{path}.{}", config.name),
                format!("it polls `{}`, which there is not", config.resource),
            ),
        }
    }
    serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.to_owned())
}

fn learn(path: &str, config: &ResourceConfig, resource: &mut Resource, notes: &mut Notes) {
    resource.id = Some(config.id_field.to_string()).filter(|id| id != "id");
    let dates = [&config.updated, &config.created].into_iter().flatten();
    let dates: BTreeSet<String> = dates.map(|date| date.path.to_string()).collect();
    resource.updated = config.updated.as_ref().map(|date| date.path.to_string());
    for field in conditions(config) {
        if dates.contains(&field) {
            notes.add(
                &format!("{path}.{}.url", config.name),
                format!("`{field}` is compared here and the whole list read; if the provider can filter by it, say so in `range`"),
            );
            resource.local.push(field);
        } else {
            notes.add(
                &format!("{path}.{}.url", config.name),
                format!("how the provider filters by `{field}` is not known; say so in `range`, `list`, `equal` or `local`"),
            );
        }
    }
}

/// The fields that a poll's url filters by.
fn conditions(config: &ResourceConfig) -> BTreeSet<String> {
    let at = RenderAt { last_poll: Timestamp(0), now: Timestamp(0) };
    let url = config.url.render_encoded(&at, &|_| Some("x".to_owned()));
    let call = url.ok().and_then(|url| HubCall::parse(&url).ok());
    let mut fields = BTreeSet::new();
    if let Some(condition) = call.and_then(|(call, _)| call.condition) {
        collect(&condition, &mut fields);
    }
    fields
}

fn collect(condition: &Condition, fields: &mut BTreeSet<String>) {
    match condition {
        Condition::Any(all) | Condition::All(all) => {
            all.iter().for_each(|one| collect(one, fields));
        }
        Condition::Not(inner) => collect(inner, fields),
        Condition::Compare { field, .. }
        | Condition::In { field, .. }
        | Condition::Like { field, .. }
        | Condition::Null { field, .. } => drop(fields.insert(field.0.join("."))),
    }
}
