//! What must survive: the ports of the layers above, over SQLite; migrations; sealed secrets.
#![doc = include_str!("../README.md")]

mod audit;
mod backup;
mod error;
mod instances;
mod leases;
mod ledger;
mod outbox;
mod people;
mod profile;
mod rekey;
mod retention;
mod secret_key;
mod sqlite;
mod store;
mod vault;

pub use audit::{AuditEntry, By};
pub use backup::backup;
pub use error::StoreError;
pub use instances::{
    Instance, InstanceFields, NewInstance, PolledResource, ResourceState, Warning,
};
pub use people::{AddedUser, Listed, NewUser, Organization, OrganizationId, Removal, User};
pub use rekey::{Rekeyed, rekey};
pub use retention::Swept;
pub use secret_key::SecretKey;
pub use sqlite::{Schema, migrate, schema};
pub use store::{Store, StoreOptions};
