//! What was asked for. Pure: no I/O, no async, no clock.
//!
//! After this crate no layer sees raw text, patterns or templates.
#![doc = include_str!("../README.md")]

mod callback_tls;
mod catalogue;
mod configuration;
mod connector;
mod date_reader;
mod diagnostic;
mod element_json;
mod field_path;
mod hub_call;
mod ids;
mod instance;
mod mask;
mod oauth2;
mod poller;
mod settings;
mod signature_key;
mod standard_key;
mod template;
mod timestamp;
mod where_clause;
mod zone;

pub use callback_tls::{CallbackTls, ClientIdentity};
pub use catalogue::Catalogue;
pub use configuration::{Configuration, MASK};
pub use connector::{
    ApiKey, Connector, Deletes, Entry, EntryKind, Filtering, Limits, Operation, OperationKind,
    Paging, Probe, Resource, Sorting, Subscribe, SubscriptionList, Unsubscribe, Verb,
    WebhookEncoding, WebhookHash, WebhookKind, WebhookSignature, Webhooks,
};
pub use date_reader::DateReader;
pub use diagnostic::{Diagnostic, Severity};
pub use element_json::{ImportedElement, import_element};
pub use field_path::{FieldPath, Segment};
pub use hub_call::{HubCall, OrderBy};
pub use ids::InstanceId;
pub use instance::{InstanceRequest, ProviderData};
pub use mask::DateMask;
pub use oauth2::{ClientAuthentication, OAuth2, TokenBody};
pub use poller::{
    DateField, DetectDeletes, Initial, PollerConfiguration, ResourceConfig, convert_legacy_urls,
};
pub use settings::{FailurePolicy, InstanceSettings, NotificationFormat};
pub use signature_key::SignatureKey;
pub use standard_key::StandardKey;
pub use template::{RenderAt, UrlTemplate};
pub use timestamp::Timestamp;
pub use where_clause::{Condition, FieldName, Operator, Value};
pub use zone::Zone;
