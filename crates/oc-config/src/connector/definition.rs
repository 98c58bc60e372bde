//! The definition file's format: TOML, one table a concern, nothing unknown accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::deletes::{Abilities, RawDeletes};
use super::document;
use super::operation::RawOperation;
use super::reading;
use super::webhooks::RawWebhooks;
use super::{
    ApiKey, Connector, Deletes, Entry, Filtering, Limits, OperationKind, Paging, Probe, Resource,
    Sorting,
};
use crate::{ClientAuthentication, Diagnostic, FieldPath, OAuth2, Operator, TokenBody};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    format: u32,
    key: String,
    id: u32,
    name: String,
    hub: String,
    #[serde(default)]
    description: String,
    documentation: Option<String>,
    logo: Option<String>,
    #[serde(default)]
    configuration: Vec<Entry>,
    auth: Auth,
    http: Http,
    limits: Option<RawLimits>,
    paging: RawPaging,
    #[serde(default)]
    filtering: RawFiltering,
    sorting: Option<RawSorting>,
    #[serde(default)]
    defaults: RawResource,
    resources: BTreeMap<String, RawResource>,
    webhooks: Option<RawWebhooks>,
    polling: Polling,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    oauth2: Option<RawOAuth2>,
    key: Option<ApiKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOAuth2 {
    authorize: String,
    token: String,
    revoke: Option<String>,
    client: Option<String>,
    body: Option<String>,
    #[serde(default)]
    forward: Vec<String>,
    lifetime: Option<u64>,
    margin: Option<u64>,
    #[serde(default)]
    dead: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    base: String,
    probe: Option<RawProbe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    path: String,
    account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    points: u32,
    every: u64,
    share: f64,
    #[serde(default)]
    pages: Vec<(u32, u32)>,
    cost: Option<String>,
    remaining: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPaging {
    page: String,
    size: String,
    largest: u32,
    next: Option<String>,
    total: Option<String>,
    #[serde(default)]
    count: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFiltering {
    #[serde(default)]
    ranges: BTreeMap<String, String>,
    echo: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSorting {
    ascending: BTreeMap<String, String>,
    descending: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResource {
    path: Option<String>,
    query: Option<BTreeMap<String, String>>,
    items: Option<String>,
    record: Option<String>,
    id: Option<String>,
    updated: Option<String>,
    keyset: Option<bool>,
    newest_first: Option<bool>,
    order: Option<BTreeMap<String, String>>,
    lag: Option<u64>,
    range: Option<Vec<String>>,
    list: Option<Vec<String>>,
    equal: Option<Vec<String>>,
    local: Option<Vec<String>>,
    volatile: Option<Vec<String>>,
    deleted: Option<String>,
    deletes: Option<RawDeletes>,
    private: Option<Vec<String>>,
    sort: Option<Vec<String>>,
    one: Option<RawOperation>,
    create: Option<RawOperation>,
    update: Option<RawOperation>,
    delete: Option<RawOperation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Polling {
    interval: u64,
    configuration: String,
}

pub(super) fn parse(text: &str) -> Result<Connector, Vec<Diagnostic>> {
    let (definition, faults) = document::read::<Definition>(text);
    let mut faults = Faults(faults);
    let connector = definition.map(|definition| definition.build(&mut faults));
    match connector {
        Some(connector) if faults.0.is_empty() => Ok(connector),
        _ => Err(document::placed(text, faults.0)),
    }
}

/// What is wrong, collected while the connector is built.
pub(super) struct Faults(Vec<Diagnostic>);

impl Faults {
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Diagnostic::error(path, message));
    }

    pub(super) fn field(&mut self, path: &str, text: &str) -> FieldPath {
        let read = if text.starts_with('/') || text.is_empty() {
            FieldPath::from_pointer(text)
        } else {
            FieldPath::parse(text)
        };
        read.unwrap_or_else(|fault| {
            self.0.push(fault.under(path));
            FieldPath::default()
        })
    }

    /// A path to a member, which is not the whole record.
    pub(super) fn member(&mut self, path: &str, text: &str) -> FieldPath {
        let read = self.field(path, text);
        if text.is_empty() {
            self.add(path, "a path to a member was expected");
        }
        read
    }

    fn url(&mut self, path: &str, text: &str) {
        let is_url = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !Url::parse(text).is_ok_and(is_url) {
            self.add(path, format!("`{text}` was found; an http or https url was expected"));
        }
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        path: &str,
        word: Option<&str>,
        known: [(&str, T); 2],
    ) -> T {
        let word = word.unwrap_or(known[0].0);
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
            return *value;
        }
        self.add(
            path,
            format!("`{word}` was found; {} or {} was expected", known[0].0, known[1].0),
        );
        known[0].1
    }
}

impl Definition {
    fn build(self, faults: &mut Faults) -> Connector {
        if self.format != 1 {
            faults.add("format", format!("format {} is not known; 1 is", self.format));
        }
        if self.auth.oauth2.is_none() && self.auth.key.is_none() {
            faults.add("auth", "auth.oauth2 or auth.key was expected");
        }
        faults.url("http.base", &self.http.base);
        if serde_json::from_str::<serde_json::Value>(&self.polling.configuration).is_err() {
            faults.add("polling.configuration", "this is not JSON");
        }
        let filtering = self.filtering.build(faults);
        let sorting = self.sorting.map(|sorting| sorting.build(faults));
        let largest = self.paging.largest;
        let mut resources = BTreeMap::new();
        for (name, raw) in self.resources {
            let path = format!("resources.{name}");
            let resource = raw.build(&self.defaults, largest, &path, faults);
            reading::check(&resource, &filtering, sorting.as_ref(), &path, faults);
            if sorting.is_none() && !resource.sort.is_empty() {
                faults.add(&format!("{path}.sort"), "sorting needs the table `sorting`");
            }
            resources.insert(name, resource);
        }
        check_feeds(&resources, faults);
        let webhooks = self.webhooks.map(|webhooks| webhooks.build(&resources, faults));
        let probe = self.http.probe.map(|probe| Probe {
            account: faults.field("http.probe.account", &probe.account),
            path: probe.path,
        });
        Connector {
            key: self.key,
            id: self.id,
            name: self.name,
            hub: self.hub,
            description: self.description,
            documentation: self.documentation,
            logo: self.logo,
            configuration: self.configuration,
            oauth2: self.auth.oauth2.map(|oauth2| oauth2.build(faults)),
            api_key: self.auth.key,
            base: self.http.base,
            probe,
            limits: self.limits.map(|limits| limits.build(faults)),
            paging: self.paging.build(faults),
            filtering,
            sorting,
            resources,
            webhooks,
            interval: Duration::from_secs(self.polling.interval.saturating_mul(60)),
            poller_configuration: self.polling.configuration.trim().to_owned(),
        }
    }
}

impl RawOAuth2 {
    fn build(self, faults: &mut Faults) -> OAuth2 {
        let clients =
            [("body", ClientAuthentication::Body), ("basic", ClientAuthentication::Basic)];
        let bodies = [("form", TokenBody::Form), ("json", TokenBody::Json)];
        faults.url("auth.oauth2.authorize", &self.authorize);
        faults.url("auth.oauth2.token", &self.token);
        self.revoke.iter().for_each(|url| faults.url("auth.oauth2.revoke", url));
        OAuth2 {
            client: faults.one_of("auth.oauth2.client", self.client.as_deref(), clients),
            body: faults.one_of("auth.oauth2.body", self.body.as_deref(), bodies),
            authorize: self.authorize,
            token: self.token,
            revoke: self.revoke,
            forward: self.forward,
            lifetime: Duration::from_secs(self.lifetime.unwrap_or(3_600)),
            refresh_interval: None,
            margin: Duration::from_secs(self.margin.unwrap_or(900)),
            dead: self.dead,
        }
    }
}

impl RawLimits {
    fn build(self, faults: &mut Faults) -> Limits {
        if self.points == 0 || self.every == 0 || !(self.share > 0.0 && self.share <= 1.0) {
            faults.add("limits", "points and every are at least 1, share is above 0 and at most 1");
        }
        if !self.pages.is_sorted() {
            faults.add("limits.pages", "pages are listed from the lowest on");
        }
        Limits {
            points: self.points,
            every: Duration::from_secs(self.every),
            share: self.share,
            pages: self.pages,
            cost: self.cost,
            remaining: self.remaining,
        }
    }
}

impl RawPaging {
    fn build(self, faults: &mut Faults) -> Paging {
        if self.largest == 0 {
            faults.add("paging.largest", "a page has at least 1 record");
        }
        let next = self.next.map(|next| faults.field("paging.next", &next));
        let total = self.total.map(|total| faults.field("paging.total", &total));
        if total.is_none() && !self.count.is_empty() {
            faults.add("paging.count", "asking for the total needs paging.total");
        }
        let count = self.count.into_iter().collect();
        Paging { page: self.page, size: self.size, largest: self.largest, next, total, count }
    }
}

impl RawFiltering {
    fn build(self, faults: &mut Faults) -> Filtering {
        let mut ranges = BTreeMap::new();
        for (text, suffix) in self.ranges {
            let operators = [
                Operator::Less,
                Operator::LessOrEqual,
                Operator::Greater,
                Operator::GreaterOrEqual,
            ];
            match operators.into_iter().find(|operator| operator.as_str() == text) {
                Some(operator) => drop(ranges.insert(operator, suffix)),
                None => faults.add(
                    "filtering.ranges",
                    format!("`{text}` was found; <, <=, > or >= was expected"),
                ),
            }
        }
        let echo = self.echo.map(|echo| faults.field("filtering.echo", &echo));
        Filtering { ranges, echo }
    }
}

impl RawSorting {
    fn build(self, faults: &mut Faults) -> Sorting {
        let both =
            [("sorting.ascending", &self.ascending), ("sorting.descending", &self.descending)];
        for (path, parameters) in both {
            if !parameters.values().any(|value| value.contains("{field}")) {
                faults.add(path, "one of the parameters has to name the `{field}`");
            }
        }
        let pairs = |parameters: BTreeMap<String, String>| parameters.into_iter().collect();
        Sorting { ascending: pairs(self.ascending), descending: pairs(self.descending) }
    }
}

impl RawResource {
    /// The calls for single records that it declares, or else the defaults do.
    fn operations(
        &self,
        defaults: &Self,
        path: &str,
        faults: &mut Faults,
    ) -> BTreeMap<OperationKind, super::Operation> {
        let list = self.path.as_deref().unwrap_or_default();
        let record = self.record.as_ref().or(defaults.record.as_ref());
        let record = record.map_or("", String::as_str);
        let mut operations = BTreeMap::new();
        for kind in OperationKind::ALL {
            let own = self.operation(kind).map(|raw| (raw, format!("{path}.{}", kind.as_str())));
            let usual =
                || defaults.operation(kind).map(|raw| (raw, format!("defaults.{}", kind.as_str())));
            let Some((raw, at)) = own.or_else(usual) else { continue };
            if let Some(operation) = raw.build(kind, list, record, &at, faults) {
                operations.insert(kind, operation);
            }
        }
        operations
    }

    fn operation(&self, kind: OperationKind) -> Option<&RawOperation> {
        match kind {
            OperationKind::One => self.one.as_ref(),
            OperationKind::Create => self.create.as_ref(),
            OperationKind::Update => self.update.as_ref(),
            OperationKind::Delete => self.delete.as_ref(),
        }
    }

    fn build(
        self,
        defaults: &Self,
        largest_page: u32,
        path: &str,
        faults: &mut Faults,
    ) -> Resource {
        let text = |own: &Option<String>, of: &Option<String>| own.clone().or_else(|| of.clone());
        let list = |own: Option<Vec<String>>, of: &Option<Vec<String>>| {
            own.or_else(|| of.clone()).unwrap_or_default()
        };
        let pairs = |own: Option<BTreeMap<String, String>>,
                     of: &Option<BTreeMap<String, String>>| {
            own.or_else(|| of.clone()).unwrap_or_default().into_iter().collect()
        };
        match &self.path {
            None => faults.add(&format!("{path}.path"), "the provider's path is missing"),
            Some(at) if !at.starts_with('/') => faults.add(
                &format!("{path}.path"),
                format!("`{at}` was found; a path that begins with `/` was expected"),
            ),
            Some(_) => {}
        }
        let operations = self.operations(defaults, path, faults);
        let updated = text(&self.updated, &defaults.updated);
        let deleted = text(&self.deleted, &defaults.deleted);
        let filters = list(self.list, &defaults.list);
        let able = Abilities { list: &filters, largest_page, operations: &operations };
        let deletes = self.deletes.or_else(|| defaults.deletes.clone());
        let deletes = deletes
            .map(|raw| raw.build(&able, &format!("{path}.deletes"), faults))
            .unwrap_or_default();
        let items = text(&self.items, &defaults.items).unwrap_or_default();
        let id = text(&self.id, &defaults.id).unwrap_or_else(|| "id".to_owned());
        let volatile = list(self.volatile, &defaults.volatile);
        let private = list(self.private, &defaults.private);
        let lag = self.lag.or(defaults.lag).unwrap_or(0);
        Resource {
            items: faults.field(&format!("{path}.items"), &items),
            id: faults.field(&format!("{path}.id"), &id),
            updated: updated.map(|at| faults.field(&format!("{path}.updated"), &at)),
            volatile: volatile
                .iter()
                .map(|at| faults.field(&format!("{path}.volatile"), at))
                .collect(),
            private: private
                .iter()
                .map(|at| faults.member(&format!("{path}.private"), at))
                .collect(),
            path: self.path.unwrap_or_default(),
            query: pairs(self.query, &defaults.query),
            order: pairs(self.order, &defaults.order),
            keyset: self.keyset.or(defaults.keyset).unwrap_or(false),
            newest_first: self.newest_first.or(defaults.newest_first).unwrap_or(false),
            lag: Duration::from_secs(lag),
            range: list(self.range, &defaults.range),
            list: filters,
            deleted: deleted.map(|at| faults.field(&format!("{path}.deleted"), &at)),
            deletes,
            equal: list(self.equal, &defaults.equal),
            local: list(self.local, &defaults.local),
            sort: list(self.sort, &defaults.sort),
            operations,
        }
    }
}

/// A feed of deletions is another resource of the connector, read in the order of its dates.
fn check_feeds(resources: &BTreeMap<String, Resource>, faults: &mut Faults) {
    for (name, resource) in resources {
        let Deletes::Feed { from, .. } = &resource.deletes else { continue };
        let path = format!("resources.{name}.deletes");
        match resources.get(from) {
            None => faults.add(&path, format!("there is no resource `{from}`")),
            Some(feed) if feed.updated.is_none() => {
                faults.add(&path, format!("the resource `{from}` needs the updated field"));
            }
            Some(_) => {}
        }
    }
}
