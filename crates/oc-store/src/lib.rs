//! What must survive: the ports of the layers above, over SQLite; migrations; sealed secrets.
#![doc = include_str!("../README.md")]

mod analytics;
mod audit;
mod backup;
mod claims;
mod copy;
mod creation_key;
mod database;
mod deliveries;
mod destinations;
mod error;
mod events;
mod hooks;
mod inbox;
mod instances;
mod leases;
mod ledger;
mod metrics;
mod notice;
mod outbox;
mod people;
mod postgres;
mod profile;
mod purse;
mod rekey;
mod replay;
mod retention;
mod secret_key;
mod sessions;
mod sql;
mod sqlite;
mod standing;
mod store;
mod tasks;
mod trace;
mod turns;
mod vault;
mod wakes;

pub use analytics::{AttemptCount, Buckets, EventCount};
pub use audit::{AuditEntry, By};
pub use backup::backup;
pub use copy::{Copied, copy};
pub use creation_key::{Creation, CreationKey};
pub use database::{Location, migrate, schema};
pub use deliveries::{Delivery, DeliveryFilter, DeliveryPage, Queued, Reactivated, Subscription};
pub use destinations::{DestinationOrder, DestinationState};
pub use error::StoreError;
pub use events::{AuditedEvent, EventAttempt, EventFilter, EventPage, EventScope, EventStatus};
pub use hooks::HookState;
pub use inbox::{Received, Receiver};
pub use instances::{
    Instance, InstanceFields, InstanceFilter, InstancePage, NewInstance, PolledResource,
    ResourceState, Warning,
};
pub use people::{AddedUser, Listed, NewUser, Organization, OrganizationId, Removal, User};
pub use rekey::{Rekeyed, rekey};
pub use replay::{MOST_REPLAYS, Replayed};
pub use retention::Swept;
pub use secret_key::SecretKey;
pub use sessions::Session;
pub use sqlite::Schema;
pub use standing::Standing;
pub use store::{Store, StoreOptions};
pub use tasks::Answered;
pub use trace::Trace;
