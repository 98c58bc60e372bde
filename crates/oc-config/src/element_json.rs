//! Importing an exported `element.json` (connectors.md, "Importing element.json").

mod authentication;
mod configuration;
mod native;
mod notes;
mod polling;
mod resources;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::{Connector, Diagnostic};
use configuration::Values;
use native::{Definition, Http};
use notes::{Notes, text};
use resources::Resources;

/// An `element.json` in the native form.
#[derive(Clone, Debug)]
pub struct ImportedElement {
    /// The definition, as TOML.
    pub definition: String,
    /// What could not be carried over, each with its path in the `element.json`.
    pub left_out: Vec<Diagnostic>,
    /// What the definition still lacks before it can be used, each with its line there.
    pub faults: Vec<Diagnostic>,
}

/// Members that say something about the old service, or are for its pages only.
const BOOKKEEPING: [&str; 41] = [
    "id",
    "active",
    "deleted",
    "beta",
    "private",
    "cloneable",
    "extendable",
    "extended",
    "createdDate",
    "updatedDate",
    "createdBy",
    "updatedBy",
    "ownerAccountId",
    "accountId",
    "userId",
    "typeOauth",
    "trialAccount",
    "trialAccountDescription",
    "existingAccountDescription",
    "transformationsEnabled",
    "defaultTransformations",
    "objectMetadata",
    "hookName",
    "bulkDownloadEnabled",
    "bulkUploadEnabled",
    "configDescription",
    "signupURL",
    "actionTypes",
    "isCustom",
    "popularity",
    "lifecycle",
    "tags",
    "protocolType",
    "elementId",
    "operationId",
    "displayName",
    "displayOrder",
    "swaggerValid",
    "useModelsForMetadata",
    "sdkOnly",
    "swaggerVersion",
];

/// Where requests go when the file does not say; no such host exists (RFC 2606).
const NOWHERE: &str = "https://provider.invalid";

/// Reads an `element.json`. Whatever it has that the native form has not is told, and the rest is
/// carried over.
///
/// # Errors
/// A text that is no JSON object, or has no key.
pub fn import_element(text: &str) -> Result<ImportedElement, Diagnostic> {
    let text = text.trim_start_matches('\u{feff}');
    let element: Json = serde_json::from_str(text)
        .map_err(|error| Diagnostic::error("", format!("this is not JSON: {error}")))?;
    let members =
        element.as_object().ok_or_else(|| Diagnostic::error("", "a JSON object was expected"))?;
    let mut notes = Notes::default();
    let definition = definition(members, &mut notes)?;
    let definition = toml::to_string_pretty(&definition)
        .map_err(|error| Diagnostic::error("", format!("it cannot be written as TOML: {error}")))?;
    let faults = Connector::parse(&definition).err().unwrap_or_default();
    Ok(ImportedElement { definition, left_out: notes.0, faults })
}

fn definition(element: &Map<String, Json>, notes: &mut Notes) -> Result<Definition, Diagnostic> {
    let key = text(element, "key")
        .ok_or_else(|| Diagnostic::error("key", "it is missing; this is no element.json"))?;
    let name = text(element, "name").unwrap_or(key);
    let values = Values::read(element, notes);
    let (auth, used) = authentication::read(element, &values, notes);
    let mut resources = Resources::read(element, notes);
    let query = global_parameters(element, &used, notes);
    for resource in resources.found.values_mut() {
        for (name, value) in &query {
            resource.query.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    let polling = polling::read(&values, &mut resources.found, notes);
    let configuration = values.entries(auth.key.as_ref(), notes);
    let known = [
        "key",
        "name",
        "hub",
        "description",
        "image",
        "logo",
        "authentication",
        "configuration",
        "parameters",
        "resources",
    ];
    notes.unknown("", element, &[&known, &BOOKKEEPING]);
    Ok(Definition {
        format: 1,
        key: key.to_owned(),
        id: number(element, key, notes),
        name: name.to_owned(),
        hub: text(element, "hub").unwrap_or("general").to_owned(),
        description: text(element, "description").unwrap_or_default().to_owned(),
        logo: text(element, "logo").or_else(|| text(element, "image")).map(str::to_owned),
        configuration,
        auth,
        http: Http { base: base(&values, notes) },
        paging: resources.paging(&values, notes),
        resources: resources.found,
        polling,
    })
}

/// The element's number; one made of its key when it has none.
fn number(element: &Map<String, Json>, key: &str, notes: &mut Notes) -> u32 {
    let given = element.get("id").and_then(Json::as_u64).and_then(|id| u32::try_from(id).ok());
    given.unwrap_or_else(|| {
        let hash =
            key.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let made = 100_000 + hash % 800_000;
        notes
            .add("id", format!("it is missing; {made} is used, which no other connector may have"));
        made
    })
}

fn base(values: &Values<'_>, notes: &mut Notes) -> String {
    let Some((path, base)) = values.default("base.url") else {
        notes.add("configuration", format!("`base.url` has no value; {NOWHERE} stands for it, until each instance gives its own"));
        return NOWHERE.to_owned();
    };
    if base.contains(['{', '}']) {
        notes.add(&path, format!("`{base}` depends on the instance; {NOWHERE} stands for it, until each instance gives its own `base.url`"));
        return NOWHERE.to_owned();
    }
    base
}

/// Parameters of every request: fixed ones in the query are carried over.
fn global_parameters(
    element: &Map<String, Json>,
    used: &[usize],
    notes: &mut Notes,
) -> BTreeMap<String, String> {
    let mut query = BTreeMap::new();
    let list = element.get("parameters").and_then(Json::as_array).map(Vec::as_slice);
    for (at, parameter) in list.unwrap_or_default().iter().enumerate() {
        let Some(parameter) = parameter.as_object().filter(|_| !used.contains(&at)) else {
            continue;
        };
        let of = |name: &str| text(parameter, name).unwrap_or_default();
        let is_fixed = of("type") == "value" && !of("name").contains("${");
        // Every request asks for JSON and says that it sends JSON.
        let is_usual = is_fixed
            && of("vendorType") == "header"
            && matches!(of("vendorName").to_ascii_lowercase().as_str(), "accept" | "content-type")
            && of("name").starts_with("application/json");
        if is_fixed && of("vendorType") == "query" && !of("vendorName").is_empty() {
            query.insert(of("vendorName").to_owned(), of("name").to_owned());
        } else if !is_usual {
            notes.parameter(&format!("parameters[{at}]"), parameter);
        }
    }
    query
}

#[cfg(test)]
mod tests;
