//! The lists.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::query::ListQuery;
use super::world::{Record, Table};
use super::{Fault, Provider, Shared, error, lock};

/// The lists there are.
pub(super) const LISTS: [&str; 17] = [
    "people",
    "accounts",
    "users",
    "cadences",
    "cadence_memberships",
    "activities/emails",
    "activities/calls",
    "actions",
    "tasks",
    "notes",
    "steps",
    "successes",
    "crm_activities",
    "call_data_records",
    "email_templates",
    "account_stages",
    "person_stages",
];

pub(super) async fn list(State(provider): State<Shared>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/').trim_end_matches(".json").to_owned();
    if !LISTS.contains(&path.as_str()) {
        return error(StatusCode::NOT_FOUND, "Not found");
    }
    let query = uri.query().unwrap_or_default();
    let mut provider = lock(&provider);
    provider.asked.push(format!("{path}?{query}"));
    if let Some(mut meanwhile) = provider.meanwhile.take() {
        meanwhile(&mut provider.world);
        provider.meanwhile = Some(meanwhile);
    }
    // A request that ignores its filters does not say so either.
    let ignores = provider.ignores_filters();
    let filtered = query.split('&').filter(|part| !ignores || !part.contains("%5B"));
    match ListQuery::read(&filtered.collect::<Vec<_>>().join("&")) {
        Ok(asked) => provider.page(&path, &asked),
        Err((field, what)) => {
            let body = json!({"errors": {field: [what]}});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
        }
    }
}

impl Provider {
    fn ignores_filters(&mut self) -> bool {
        let ignores = self.faults.front() == Some(&Fault::IgnoresFilters);
        if ignores {
            self.faults.pop_front();
        }
        ignores
    }

    fn page(&mut self, list: &str, asked: &ListQuery) -> Response {
        let now = self.now();
        let table = self.world.table(list);
        let skip = (asked.page - 1) * asked.per_page;
        // One more tells whether there is a next page.
        let mut found: Vec<&Record> =
            table.sorted(asked, now, skip).take(asked.per_page + 1).collect();
        let more = found.len() > asked.per_page;
        found.truncate(asked.per_page);
        let total = asked.counts.then(|| table.sorted(asked, now, 0).count());
        let mut paging = json!({
            "per_page": asked.per_page, "current_page": asked.page,
            "next_page": more.then_some(asked.page + 1),
            "prev_page": (asked.page > 1).then(|| asked.page - 1),
        });
        if let Some(total) = total {
            paging["total_count"] = json!(total);
            paging["total_pages"] = json!(total.div_ceil(asked.per_page));
        }
        let direction = if asked.descending { "DESC NULLS LAST" } else { "ASC NULLS LAST" };
        let by = if asked.by_created { "created_at" } else { "updated_at" };
        let metadata = json!({"filtering": asked.filtering, "paging": paging,
            "sorting": {"sort_by": by, "sort_direction": direction}});
        let room = found.iter().map(|record| record.shown.len() + 1).sum::<usize>();
        let mut body = String::with_capacity(room + 512);
        body.push_str("{\"metadata\":");
        body.push_str(&metadata.to_string());
        body.push_str(",\"data\":[");
        for (at, record) in found.iter().enumerate() {
            body.push_str(if at == 0 { "" } else { "," });
            body.push_str(&record.shown);
        }
        body.push_str("]}");
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl Table {
    /// The records that match, in the order asked for, without the first `skip`.
    fn sorted<'t>(
        &'t self,
        asked: &'t ListQuery,
        now: i64,
        skip: usize,
    ) -> Box<dyn Iterator<Item = &'t Record> + 't> {
        let matches = move |record: &&Record| record.matches(asked) && record.visible <= now;
        if asked.by_created {
            let mut records: Vec<&Record> = self.records.values().filter(matches).collect();
            records.sort_by_key(|record| (record.created, record.id));
            if asked.descending {
                records.reverse();
            }
            return Box::new(records.into_iter().skip(skip));
        }
        let ids = self.by_updated.range((asked.updated.lowest(), 0)..).map(|(_, id)| id);
        let ids: Box<dyn Iterator<Item = &u64>> =
            if asked.descending { Box::new(ids.rev()) } else { Box::new(ids) };
        if asked.is_from_on() && self.shown_from <= now {
            // All of them match, and need not be looked at to be counted: deep pages are quick.
            return Box::new(ids.skip(skip).filter_map(|id| self.records.get(id)));
        }
        Box::new(ids.filter_map(|id| self.records.get(id)).filter(matches).skip(skip))
    }
}

impl Record {
    fn matches(&self, asked: &ListQuery) -> bool {
        asked.updated.holds(self.updated)
            && asked.created.holds(self.created)
            && asked.ids.as_ref().is_none_or(|ids| ids.contains(&self.id))
            && asked.equal.iter().all(|(field, values)| {
                let field = if field == "email_addresses" { "email_address" } else { field };
                let value = self.fields.get(field).map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                value.is_some_and(|value| values.contains(&value))
            })
    }
}
