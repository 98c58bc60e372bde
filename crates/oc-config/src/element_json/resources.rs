//! `resources[]`: calls of the hub and the provider's calls behind them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::BOOKKEEPING;
use super::configuration::Values;
use super::native::{Call, Paging, Resource};
use super::notes::{Notes, text};
use crate::{FieldPath, OperationKind};

/// Records a page where the file does not say.
const USUAL_PAGE: u32 = 100;

/// Members of a resource that are read, or that only describe it.
const KNOWN: [&str; 22] = [
    "path",
    "vendorPath",
    "method",
    "vendorMethod",
    "type",
    "rootKey",
    "response",
    "parameters",
    "hooks",
    "paginationType",
    "nextResource",
    "description",
    "kind",
    "model",
    "models",
    "operation",
    "standardResourceName",
    "curated",
    "samples",
    "cursorEventable",
    "restful",
    "public",
];

/// The resources, and what their lists say about paging.
#[derive(Default)]
pub(super) struct Resources {
    pub(super) found: BTreeMap<String, Resource>,
    page: Option<String>,
    size: Option<String>,
}

/// One entry of `resources[]`, as far as it can be a call here.
struct Entry<'e> {
    at: String,
    name: String,
    /// None for the list.
    kind: Option<OperationKind>,
    /// The provider's path, `{id}` in it where the hub's has an id.
    path: String,
    query: Vec<(String, String)>,
    method: String,
    members: &'e Map<String, Json>,
}

impl Resources {
    pub(super) fn read(element: &Map<String, Json>, notes: &mut Notes) -> Self {
        let list = element.get("resources").and_then(Json::as_array).map(Vec::as_slice);
        let mut resources = Self::default();
        let mut entries = Vec::new();
        for (at, members) in list.unwrap_or_default().iter().enumerate() {
            let at = format!("resources[{at}]");
            match members.as_object() {
                Some(members) => entries.extend(Entry::read(at, members, notes)),
                None => notes.add(&at, "an object was expected"),
            }
        }
        // Lists first: the usual paths of the other calls follow from theirs.
        entries.sort_by_key(|entry| entry.kind.is_some());
        for entry in &entries {
            resources.add(entry, notes);
        }
        resources
    }

    /// How lists are paged: by number, as that is what the native form can say.
    pub(super) fn paging(&self, values: &Values<'_>, notes: &mut Notes) -> Paging {
        if let Some((path, kind)) = values.default("pagination.type")
            && kind != "page"
        {
            notes.add(&path, format!("`{kind}` has no counterpart; lists are paged by number"));
        }
        if let Some((path, first)) = values.default("pagination.page.startindex")
            && first != "1"
        {
            notes.add(&path, format!("pages are counted from 1, not from {first}"));
        }
        if self.page.is_none() || self.size.is_none() {
            notes.add("resources", "no list says by which parameters the provider pages; `page` and `pageSize` are assumed, see [paging]");
        }
        let largest = values.default("pagination.max").and_then(|(_, max)| max.parse().ok());
        Paging {
            page: self.page.clone().unwrap_or_else(|| "page".to_owned()),
            size: self.size.clone().unwrap_or_else(|| "pageSize".to_owned()),
            largest: largest.filter(|max| *max > 0).unwrap_or(USUAL_PAGE),
        }
    }

    fn add(&mut self, entry: &Entry<'_>, notes: &mut Notes) {
        let Some(kind) = entry.kind else {
            if self.found.contains_key(&entry.name) {
                return notes
                    .add(&entry.at, format!("there is a list of `{}` already", entry.name));
            }
            let (_, items) = entry.root(notes);
            let query = entry.query.iter().cloned().collect();
            let path = entry.path.clone();
            let mut resource = Resource { path, query, items, ..Resource::default() };
            self.parameters(entry, Some(&mut resource), notes);
            self.found.insert(entry.name.clone(), resource);
            return;
        };
        if !self.found.contains_key(&entry.name) {
            let path = entry.path.strip_suffix("/{id}").unwrap_or(&entry.path);
            if path.contains("{id}") {
                return notes.add(
                    &entry.at,
                    format!(
                        "`{}` has no list, and its path does not say where one would be",
                        entry.name
                    ),
                );
            }
            notes.add(&entry.at, format!("`{}` has no list; reading one will fail", entry.name));
            let resource = Resource { path: path.to_owned(), ..Resource::default() };
            self.found.insert(entry.name.clone(), resource);
        }
        self.parameters(entry, None, notes);
        for (name, value) in &entry.query {
            notes.add(
                &format!("{}.vendorPath", entry.at),
                format!("`{name}={value}` is not sent with single records"),
            );
        }
        let Some(resource) = self.found.get_mut(&entry.name) else { return };
        let call = entry.call(kind, &resource.path, notes);
        let place = match kind {
            OperationKind::One => &mut resource.one,
            OperationKind::Create => &mut resource.create,
            OperationKind::Update => &mut resource.update,
            OperationKind::Delete => &mut resource.delete,
        };
        match place {
            // The hub's PUT and PATCH are one call; a partial update does less harm.
            Some(other) if kind == OperationKind::Update && entry.method == "PATCH" => {
                notes.add(&entry.at, "PUT and PATCH are one call here; this one is used for both");
                *other = call;
            }
            Some(_) => notes.add(&entry.at, "there is such a call already; this one is left out"),
            None => *place = Some(call),
        }
    }

    fn parameters(
        &mut self,
        entry: &Entry<'_>,
        mut list: Option<&mut Resource>,
        notes: &mut Notes,
    ) {
        let parameters = entry.members.get("parameters").and_then(Json::as_array);
        for (at, parameter) in parameters.map(Vec::as_slice).unwrap_or_default().iter().enumerate()
        {
            let path = format!("{}.parameters[{at}]", entry.at);
            let Some(parameter) = parameter.as_object() else { continue };
            let of = |name: &str| text(parameter, name).unwrap_or_default();
            let (name, vendor) = (of("name"), of("vendorName"));
            match (of("type"), of("vendorType"), &mut list) {
                ("path", "path", _) | ("body", "body", _) => {}
                ("query", "query", Some(_)) if name == "page" => self.page = Some(vendor.to_owned()),
                ("query", "query", Some(_)) if name == "pageSize" => self.size = Some(vendor.to_owned()),
                // The hub hands on what it does not know itself.
                ("query", "query", _) if name == vendor && !hub_knows(name) => {}
                // It chooses fields itself.
                ("query", _, _) if name == "fields" => {}
                ("query", _, Some(_)) if name == "where" => notes.add(&path, "which fields the provider filters by is not told; say so in `range`, `list`, `equal` or `local`"),
                ("query", _, Some(_)) if name == "orderBy" => notes.add(&path, "which fields the provider sorts by is not told; say so in [sorting] and `sort`"),
                ("value", "query", Some(list)) if !name.contains("${") && !vendor.is_empty() => {
                    list.query.insert(vendor.to_owned(), name.to_owned());
                }
                _ => notes.parameter(&path, parameter),
            }
        }
    }
}

fn hub_knows(name: &str) -> bool {
    ["where", "fields", "orderBy", "page", "pageSize", "nextPage"].contains(&name)
}

impl<'e> Entry<'e> {
    /// What is no call of the hub is told and left out.
    fn read(at: String, members: &'e Map<String, Json>, notes: &mut Notes) -> Option<Self> {
        let of = |name: &str| text(members, name).unwrap_or_default();
        let kind = text(members, "type").unwrap_or("api");
        if kind != "api" {
            notes.add(
                &format!("{at}.type"),
                format!("`{kind}` has no counterpart; calls of the hub (api) have"),
            );
            return None;
        }
        notes.unknown(&at, members, &[&KNOWN, &BOOKKEEPING]);
        described(&at, members, notes);
        let (name, with_id) = hub_path(of("path")).or_else(|| {
            notes.add(
                &format!("{at}.path"),
                format!(
                    "`{}` has no counterpart; /hubs/HUB/NAME and /hubs/HUB/NAME/{{id}} have",
                    of("path")
                ),
            );
            None
        })?;
        let method = of("method").to_ascii_uppercase();
        let kind = match (method.as_str(), with_id) {
            ("GET", false) => None,
            ("GET", true) => Some(OperationKind::One),
            ("POST", false) => Some(OperationKind::Create),
            ("PUT" | "PATCH", true) => Some(OperationKind::Update),
            ("DELETE", true) => Some(OperationKind::Delete),
            _ => {
                notes.add(
                    &format!("{at}.method"),
                    format!("{method} {} has no counterpart", of("path")),
                );
                return None;
            }
        };
        let vendor = text(members, "vendorMethod").unwrap_or(&method).to_ascii_uppercase();
        if !takes(kind, &vendor) {
            notes.add(
                &format!("{at}.vendorMethod"),
                format!("{method} here and {vendor} at the provider has no counterpart"),
            );
            return None;
        }
        let (path, query) = vendor_path(of("vendorPath"), with_id).or_else(|| {
            notes.add(
                &format!("{at}.vendorPath"),
                format!("`{}` needs more than the record's id", of("vendorPath")),
            );
            None
        })?;
        Some(Self { at, name, kind, path, query, method: vendor, members })
    }

    /// What differs from the usual call.
    fn call(&self, kind: OperationKind, list: &str, notes: &mut Notes) -> Call {
        let (wrap, record) = self.root(notes);
        let usual_method = match kind {
            OperationKind::One => "GET",
            OperationKind::Create => "POST",
            OperationKind::Update => "PUT",
            OperationKind::Delete => "DELETE",
        };
        let usual_path = match kind {
            OperationKind::Create => list.to_owned(),
            _ => format!("{}/{{id}}", list.trim_end_matches('/')),
        };
        let writes = matches!(kind, OperationKind::Create | OperationKind::Update);
        Call {
            method: Some(self.method.clone()).filter(|method| method != usual_method),
            path: Some(self.path.clone()).filter(|path| *path != usual_path),
            record: record.filter(|_| kind != OperationKind::Delete),
            wrap: wrap.filter(|_| writes),
        }
    }

    /// What the body is wrapped in, and where the records are: `request|response`, or the response's
    /// alone.
    fn root(&self, notes: &mut Notes) -> (Option<String>, Option<String>) {
        let response = self.members.get("response").and_then(Json::as_object);
        let (path, root) =
            match (text(self.members, "rootKey"), response.and_then(|it| text(it, "rootKey"))) {
                (Some(root), _) => (format!("{}.rootKey", self.at), root),
                (None, Some(root)) => (format!("{}.response.rootKey", self.at), root),
                (None, None) => return (None, None),
            };
        let (request, response) = root.split_once('|').unwrap_or(("", root));
        let mut read = |part: &str| {
            let part = part.trim();
            if part.is_empty() {
                return None;
            }
            if FieldPath::parse(part).is_err() {
                notes.add(&path, format!("`{root}` is not understood"));
                return None;
            }
            Some(part.to_owned())
        };
        (read(request), read(response))
    }
}

/// Parts that nothing here corresponds to.
fn described(at: &str, members: &Map<String, Json>, notes: &mut Notes) {
    let hooks = members.get("hooks").and_then(Json::as_array);
    for (number, hook) in hooks.map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        let kind = hook.get("type").and_then(Json::as_str).unwrap_or("?");
        notes.add(
            &format!("{at}.hooks[{number}]"),
            format!("the {kind} hook is a program; what it does is not done here"),
        );
    }
    if let Some(next) = text(members, "nextResource") {
        notes.add(
            &format!("{at}.nextResource"),
            format!("a call leads to no other one here (`{next}`)"),
        );
    }
    if let Some(kind) = text(members, "paginationType")
        && !matches!(kind.to_ascii_lowercase().as_str(), "page" | "vendor" | "default" | "none")
    {
        notes.add(
            &format!("{at}.paginationType"),
            format!("`{kind}` has no counterpart; lists are paged by number"),
        );
    }
}

fn takes(kind: Option<OperationKind>, method: &str) -> bool {
    match kind {
        None | Some(OperationKind::One) => method == "GET",
        Some(OperationKind::Create) => matches!(method, "POST" | "PUT"),
        Some(OperationKind::Update) => matches!(method, "PUT" | "PATCH" | "POST"),
        Some(OperationKind::Delete) => matches!(method, "DELETE" | "POST"),
    }
}

/// The resource's name, and whether a record's id follows.
fn hub_path(path: &str) -> Option<(String, bool)> {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.first() == Some(&"hubs") {
        parts.drain(..parts.len().min(2));
    }
    match parts[..] {
        [name] if !name.contains('{') => Some((name.to_owned(), false)),
        [name, id] if !name.contains('{') && id.starts_with('{') => Some((name.to_owned(), true)),
        _ => None,
    }
}

/// The provider's path with its fixed parameters apart.
fn vendor_path(path: &str, with_id: bool) -> Option<(String, Vec<(String, String)>)> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = format!("/{}", path.trim_start_matches('/'));
    let path = match (path.find('{'), path.find('}')) {
        (None, None) if !with_id => path,
        (Some(from), Some(to)) if with_id && from < to => {
            let path = format!("{}{{id}}{}", &path[..from], &path[to + 1..]);
            if path.replacen("{id}", "", 1).contains(['{', '}']) {
                return None;
            }
            path
        }
        _ => return None,
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Some((path, pairs))
}
