//! How requests leave the house: the HTTP client, TLS, network policy, time-outs, size limits.
//!
//! All outbound bytes go through [`Egress`]. It connects only to addresses that its [`Policy`] has
//! checked, gives every exchange one deadline, and keeps no more of an answer than was asked for.
#![doc = include_str!("../README.md")]

mod clients;
mod clock;
mod connect;
mod dice;
mod error;
mod exchange;
mod policy;
mod tls;

pub use clock::Clock;
pub use connect::Names;
pub use dice::Dice;
pub use error::EgressError;
pub use exchange::{Egress, Limits, Overflow, Redirects, Request, Response, Stale};
pub use policy::{Policy, Refusal};
pub use tls::{TlsFault, Validity, check_tls, usual_tls, validity};
