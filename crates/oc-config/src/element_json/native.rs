//! The native definition as it is written.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Definition {
    pub(super) format: u32,
    pub(super) key: String,
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) hub: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    pub(super) logo: Option<String>,
    pub(super) configuration: Vec<Entry>,
    pub(super) auth: Auth,
    pub(super) http: Http,
    pub(super) paging: Paging,
    pub(super) resources: BTreeMap<String, Resource>,
    pub(super) polling: Polling,
}

#[derive(Serialize)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) multiline: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) required: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) hidden: bool,
    pub(super) default: Option<String>,
    pub(super) help: Option<String>,
}

#[derive(Default, Serialize)]
pub(super) struct Auth {
    pub(super) oauth2: Option<OAuth2>,
    pub(super) key: Option<Key>,
}

#[derive(Serialize)]
pub(super) struct OAuth2 {
    pub(super) authorize: String,
    pub(super) token: String,
    pub(super) revoke: Option<String>,
    pub(super) client: &'static str,
    pub(super) lifetime: Option<u64>,
    pub(super) dead: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Key {
    pub(super) configuration: String,
    pub(super) header: String,
    pub(super) value: String,
}

#[derive(Serialize)]
pub(super) struct Http {
    pub(super) base: String,
}

#[derive(Serialize)]
pub(super) struct Paging {
    pub(super) page: String,
    pub(super) size: String,
    pub(super) largest: u32,
}

#[derive(Default, Serialize)]
pub(super) struct Resource {
    pub(super) path: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) query: BTreeMap<String, String>,
    pub(super) items: Option<String>,
    pub(super) id: Option<String>,
    pub(super) updated: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) local: Vec<String>,
    pub(super) one: Option<Call>,
    pub(super) create: Option<Call>,
    pub(super) update: Option<Call>,
    pub(super) delete: Option<Call>,
}

/// A call for single records, as far as it is not the usual one.
#[derive(Default, Serialize)]
pub(super) struct Call {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) record: Option<String>,
    pub(super) wrap: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Polling {
    pub(super) interval: u64,
    pub(super) configuration: String,
}
