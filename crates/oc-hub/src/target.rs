//! Whom a request is for.

use std::sync::Arc;
use std::time::Duration;

use oc_config::{Connector, Deletes, FieldPath, InstanceId};
use url::Url;

/// An instance as the hub needs to know it; its credentials are the authorizer's concern.
#[derive(Clone, Debug)]
pub struct Target {
    /// The instance.
    pub instance: InstanceId,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// The provider's base url, as it is for this instance.
    pub base: Url,
    /// Names the provider account whose rate limit its instances share.
    pub account: String,
    /// Whether null members are dropped from records (`filter.response.nulls`).
    pub drop_nulls: bool,
}

impl Target {
    /// How late a change of a resource may become visible.
    pub fn lag(&self, resource: &str) -> Duration {
        self.connector.resources.get(resource).map_or(Duration::ZERO, |resource| resource.lag)
    }

    /// The members of a resource that do not count as content.
    pub fn volatile(&self, resource: &str) -> &[FieldPath] {
        self.connector.resources.get(resource).map_or(&[], |resource| &resource.volatile)
    }

    /// Where a record of a resource says that it is deleted.
    pub fn marker(&self, resource: &str) -> Option<&FieldPath> {
        self.connector.resources.get(resource)?.deleted.as_ref()
    }

    /// How records of a resource that have gone are found.
    pub fn deletes(&self, resource: &str) -> &Deletes {
        self.connector.resources.get(resource).map_or(&Deletes::None, |resource| &resource.deletes)
    }

    /// The members of a resource that are not told as changed.
    pub fn private(&self, resource: &str) -> &[FieldPath] {
        self.connector.resources.get(resource).map_or(&[], |resource| &resource.private)
    }
}
