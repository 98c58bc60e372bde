//! A connector as answers show it, in the form that old clients know.

use oc_config::Connector;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

/// A connector.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Element {
    /// Its number; null when its definition has gone.
    id: Option<u32>,
    name: String,
    key: String,
    hook_name: String,
    description: String,
    image: Option<String>,
    active: bool,
    deleted: bool,
    type_oauth: bool,
    trial_account: bool,
    #[schema(value_type = Vec<Object>)]
    resources: Vec<Json>,
    #[schema(value_type = Vec<Object>)]
    default_transformations: Vec<Json>,
    #[schema(value_type = Vec<Object>)]
    object_metadata: Vec<Json>,
    transformations_enabled: bool,
    bulk_download_enabled: bool,
    bulk_upload_enabled: bool,
    cloneable: bool,
    extendable: bool,
    beta: bool,
    authentication: Authentication,
    extended: bool,
    hub: Option<String>,
    protocol_type: &'static str,
    #[schema(value_type = Vec<Object>)]
    parameters: Vec<Json>,
    private: bool,
}

/// How a connector authenticates.
#[derive(Serialize, ToSchema)]
#[schema(as = ElementAuthentication)]
struct Authentication {
    /// `oauth2` or `apiKey`; null when the definition has gone.
    #[serde(rename = "type")]
    kind: Option<&'static str>,
}

impl Element {
    pub(in crate::api) fn new(connector: &Connector) -> Self {
        let kind = if connector.oauth2.is_some() { "oauth2" } else { "apiKey" };
        Self {
            id: Some(connector.id),
            name: connector.name.clone(),
            hook_name: capitalized(&connector.key),
            description: connector.description.clone(),
            image: connector.logo.clone(),
            active: true,
            deleted: false,
            transformations_enabled: true,
            authentication: Authentication { kind: Some(kind) },
            hub: Some(connector.hub.clone()),
            ..Self::vanished(&connector.key)
        }
    }

    /// A connector whose definition is not there any more.
    pub(in crate::api) fn vanished(key: &str) -> Self {
        Self {
            id: None,
            name: key.to_owned(),
            key: key.to_owned(),
            hook_name: capitalized(key),
            description: String::new(),
            image: None,
            active: false,
            deleted: true,
            type_oauth: false,
            trial_account: false,
            resources: Vec::new(),
            default_transformations: Vec::new(),
            object_metadata: Vec::new(),
            transformations_enabled: false,
            bulk_download_enabled: false,
            bulk_upload_enabled: false,
            cloneable: false,
            extendable: false,
            beta: false,
            authentication: Authentication { kind: None },
            extended: false,
            hub: None,
            protocol_type: "http",
            parameters: Vec::new(),
            private: false,
        }
    }
}

fn capitalized(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
