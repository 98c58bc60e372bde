//! What must survive: the ports of the layers above, over SQLite; migrations; sealed secrets.
#![doc = include_str!("../README.md")]

mod analytics;
mod creation_key;
mod deliveries;
mod error;
mod events;
mod instances;
mod leases;
mod ledger;
mod outbox;
mod people;
mod profile;
mod replay;
mod retention;
mod secret_key;
mod sqlite;
mod store;
mod trace;
mod vault;

pub use analytics::{Buckets, EventCount};
pub use creation_key::{Creation, CreationKey};
pub use deliveries::{Delivery, DeliveryFilter, DeliveryPage, Reactivated, Subscription};
pub use error::StoreError;
pub use events::{AuditedEvent, EventAttempt, EventFilter, EventPage, EventScope, EventStatus};
pub use instances::{
    Instance, InstanceFields, InstanceFilter, InstancePage, NewInstance, PolledResource,
    ResourceState, Warning,
};
pub use people::{OrganizationId, User};
pub use replay::{MOST_REPLAYS, Replayed};
pub use retention::Swept;
pub use secret_key::SecretKey;
pub use store::{Store, StoreOptions};
pub use trace::Trace;
