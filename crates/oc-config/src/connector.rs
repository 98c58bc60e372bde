//! A connector: how to talk to one provider, as data.

mod definition;
mod deletes;
mod document;
mod operation;
mod reading;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::{Diagnostic, FieldPath, OAuth2, Operator};

pub use deletes::Deletes;
pub use operation::{Operation, OperationKind, Verb};
pub use webhooks::{
    Subscribe, SubscriptionList, Unsubscribe, WebhookEncoding, WebhookHash, WebhookKind,
    WebhookSignature, Webhooks,
};

/// A connector, read from its definition file.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// Its key, such as `salesloft`.
    pub key: String,
    /// Its number, which old clients know.
    pub id: u32,
    /// Its name for people.
    pub name: String,
    /// The hub it belongs to, such as `crm`.
    pub hub: String,
    /// What the provider is.
    pub description: String,
    /// Where the provider documents its API.
    pub documentation: Option<String>,
    /// Its logo: a url, or the name of a picture.
    pub logo: Option<String>,
    /// What a user fills in.
    pub configuration: Vec<Entry>,
    /// OAuth 2, when the provider has it.
    pub oauth2: Option<OAuth2>,
    /// A fixed key in a header instead.
    pub api_key: Option<ApiKey>,
    /// Base of every request; an instance's `base.url` replaces it.
    pub base: String,
    /// A request that proves a token and names the account whose rate limit is shared.
    pub probe: Option<Probe>,
    /// The rate limit.
    pub limits: Option<Limits>,
    /// How lists are paged.
    pub paging: Paging,
    /// How conditions become parameters.
    pub filtering: Filtering,
    /// How lists are asked for in an order.
    pub sorting: Option<Sorting>,
    /// The resources by their names in the hub.
    pub resources: BTreeMap<String, Resource>,
    /// How the provider tells of changes by itself, when it does.
    pub webhooks: Option<Webhooks>,
    /// How often is polled unless the instance says.
    pub interval: Duration,
    /// The default of `event.poller.configuration`, as JSON text.
    pub poller_configuration: String,
}

/// One configuration value that a user fills in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its dotted key.
    pub key: String,
    /// Its label.
    pub name: String,
    /// What kind of value it is.
    #[serde(rename = "type", default)]
    pub kind: EntryKind,
    /// Whether it has several lines though it is a secret, as a private key has.
    #[serde(default)]
    pub multiline: bool,
    /// Whether an instance cannot be created without it.
    #[serde(default)]
    pub required: bool,
    /// Its value when the user gives none.
    pub default: Option<String>,
    /// What a user has to know about it.
    pub help: Option<String>,
    /// Whether nobody is asked for it.
    #[serde(default)]
    pub hidden: bool,
}

/// Kinds of configuration values, by their names in the Elements API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum EntryKind {
    /// A word.
    #[serde(rename = "TEXTFIELD_32")]
    Word,
    /// A short text.
    #[serde(rename = "TEXTFIELD_128")]
    Text,
    /// A line of text.
    #[default]
    #[serde(rename = "TEXTFIELD_1000")]
    LongText,
    /// Several lines.
    #[serde(rename = "TEXTAREA")]
    Area,
    /// `true` or `false`.
    #[serde(rename = "BOOLEAN")]
    Boolean,
    /// A secret.
    #[serde(rename = "PASSWORD")]
    Password,
}

/// A fixed key, sent with every request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The configuration value that holds it.
    pub configuration: String,
    /// The header that carries it.
    pub header: String,
    /// The header's value, with `{key}` in it.
    pub value: String,
}

/// The request that proves a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its path.
    pub path: String,
    /// Where its answer names the account.
    pub account: FieldPath,
}

/// A provider's rate limit: points in fixed windows of its clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Points a window.
    pub points: u32,
    /// The window.
    pub every: Duration,
    /// The part of the points that is ours, above 0 and at most 1.
    pub share: f64,
    /// From this page number on a request costs so much; below the first one point. Ascending.
    pub pages: Vec<(u32, u32)>,
    /// The answer header that tells what the request cost.
    pub cost: Option<String>,
    /// The answer header that tells what is left of the window.
    pub remaining: Option<String>,
}

/// How lists are paged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The parameter for the page's number, which counts from 1.
    pub page: String,
    /// The parameter for records a page.
    pub size: String,
    /// The most records a page.
    pub largest: u32,
    /// Where an answer tells the next page's number; null or missing on the last page.
    pub next: Option<FieldPath>,
    /// Where an answer tells how many records there are in all, when it does.
    pub total: Option<FieldPath>,
    /// Parameters that ask for the total.
    pub count: Vec<(String, String)>,
}

/// How conditions become parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtering {
    /// The suffix for each operator, as in `updated_at[gte]`.
    pub ranges: BTreeMap<Operator, String>,
    /// Where an answer repeats the filters it applied.
    pub echo: Option<FieldPath>,
}

/// How lists are asked for in an order: parameters with `{field}` for the field's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorting {
    /// Smallest first.
    pub ascending: Vec<(String, String)>,
    /// Largest first.
    pub descending: Vec<(String, String)>,
}

/// One resource of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its path below the base.
    pub path: String,
    /// Parameters of every request.
    pub query: Vec<(String, String)>,
    /// Where the records are in an answer.
    pub items: FieldPath,
    /// A record's id.
    pub id: FieldPath,
    /// A record's updated date.
    pub updated: Option<FieldPath>,
    /// Whether changes are read by keyset: every request asks for what was updated since the last
    /// record of the one before.
    pub keyset: bool,
    /// Whether the list is read from the latest update on, and no further than changes are asked for.
    pub newest_first: bool,
    /// Parameters that ask for the order in which changes are read.
    pub order: Vec<(String, String)>,
    /// How late a change may become visible in the list.
    pub lag: Duration,
    /// Fields that can be filtered by `=` and the operators of [`Filtering::ranges`].
    pub range: Vec<String>,
    /// Fields that can be filtered by `=` and `IN`, as `field[]=...`.
    pub list: Vec<String>,
    /// Fields that can be filtered by `=`.
    pub equal: Vec<String>,
    /// Fields by which the hub filters itself, as the provider cannot.
    pub local: Vec<String>,
    /// Members that change although nobody changed the record; they do not count as content.
    pub volatile: Vec<FieldPath>,
    /// The provider's own marker of a deleted record: anything there but null and false.
    pub deleted: Option<FieldPath>,
    /// How records that have gone are found.
    pub deletes: Deletes,
    /// Members that are not told as changed, and not remembered for it.
    pub private: Vec<FieldPath>,
    /// Fields by which the provider can sort.
    pub sort: Vec<String>,
    /// What can be done with single records.
    pub operations: BTreeMap<OperationKind, Operation>,
}

impl Connector {
    /// Reads a definition file.
    ///
    /// # Errors
    /// Everything that is unknown, missing or makes no sense, with its line; the path names table
    /// and key.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        definition::parse(text)
    }

    /// Remarks on a definition file with the lines on which their paths stand there.
    pub fn placed(text: &str, remarks: Vec<Diagnostic>) -> Vec<Diagnostic> {
        document::placed(text, remarks)
    }

    /// Whether a configuration value of this connector is a secret.
    pub fn is_secret(&self, key: &str) -> bool {
        self.configuration.iter().any(|entry| entry.key == key && entry.kind == EntryKind::Password)
    }
}

impl Sorting {
    /// The parameters that ask for the order of a field.
    pub fn parameters(&self, field: &str, descending: bool) -> Vec<(String, String)> {
        let parameters = if descending { &self.descending } else { &self.ascending };
        let filled = |(name, value): &(String, String)| {
            (name.replace("{field}", field), value.replace("{field}", field))
        };
        parameters.iter().map(filled).collect()
    }
}

impl EntryKind {
    /// The kind's name in the Elements API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Word => "TEXTFIELD_32",
            Self::Text => "TEXTFIELD_128",
            Self::LongText => "TEXTFIELD_1000",
            Self::Area => "TEXTAREA",
            Self::Boolean => "BOOLEAN",
            Self::Password => "PASSWORD",
        }
    }
}

impl Limits {
    /// What a request for a page costs.
    pub fn cost_of(&self, page: u32) -> u32 {
        self.pages.iter().rev().find(|(from, _)| page >= *from).map_or(1, |(_, cost)| *cost)
    }
}

#[cfg(test)]
mod tests;
