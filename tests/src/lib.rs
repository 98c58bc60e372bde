//! What the scenarios need: a simulated Salesloft, a receiver of notifications, the real binary, and
//! servers beside it.
//!
//! The simulator behaves as the provider's API really does, its nuisances included, so that a
//! client can be wrong against it. Both also run alone: `cargo xtask sim`.

pub mod collector;
mod false_clock;
pub mod name_server;
pub mod receiver;
pub mod salesloft;
pub mod server;
mod services;
pub mod simulation;
mod web;

pub use false_clock::FalseClock;
pub use receiver::{Answer, Delivery, Receiver};
pub use salesloft::{Fault, Salesloft};
pub use server::{Instance, Options, Server};
pub use services::{Nats, Postgres};
