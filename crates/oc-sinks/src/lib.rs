//! Other places for notifications than a tenant's callback: what the operator names in the settings.
#![doc = include_str!("../README.md")]

mod file;
mod nats;
mod postgres;
mod settings;
mod sink;
mod sinks;
mod transports;

pub use nats::NatsServers;
pub use settings::SinkTable;
pub use sinks::Sinks;
pub use transports::Transports;
