//! What must survive: the ports of the layers above, over SQLite; migrations; sealed secrets.
#![doc = include_str!("../README.md")]

mod creation_key;
mod error;
mod instances;
mod leases;
mod ledger;
mod outbox;
mod people;
mod profile;
mod retention;
mod secret_key;
mod sqlite;
mod store;
mod trace;
mod vault;

pub use creation_key::{Creation, CreationKey};
pub use error::StoreError;
pub use instances::{
    Instance, InstanceFields, InstanceFilter, InstancePage, NewInstance, PolledResource,
    ResourceState, Warning,
};
pub use people::{OrganizationId, User};
pub use retention::Swept;
pub use secret_key::SecretKey;
pub use store::{Store, StoreOptions};
pub use trace::Trace;
