//! Lanes handed out to the processes that share an outbox, by NATS JetStream.
#![doc = include_str!("../README.md")]

mod error;
mod hands;
mod metrics;
mod puller;
mod queue;
mod relay;
mod settings;
mod shared;
mod stays;
mod stream;
mod ticket;

pub use error::QueueError;
pub use queue::Queue;
pub use settings::QueueSettings;
