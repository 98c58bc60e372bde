//! What the provider has: one hub request becomes provider requests and a stream of records.
#![doc = include_str!("../README.md")]

mod authorizer;
mod budget;
mod client;
mod dated;
mod error;
mod hub;
mod keyset;
mod listing;
mod metrics;
mod newest_first;
mod object;
mod plan;
mod probe;
mod provider_clock;
mod purse;
mod reader;
mod record;
mod request;
mod shown;
mod signed;
mod subscription;
mod target;
mod waiting;

pub use authorizer::{AuthorizeError, Authorizer, Credential};
pub use budget::RateBudget;
pub use client::Retry;
pub use error::HubError;
pub use hub::Hub;
pub use listing::Listing;
pub use provider_clock::ClockReading;
pub use purse::{Draw, Drawn, Purse, PurseError};
pub use reader::{ReadPlace, Reader};
pub use record::{Page, PageError, PageForm, Picker, Record, fingerprint, object_id, strip_nulls};
pub use signed::is_signed;
pub use subscription::Subscribed;
pub use target::Target;

#[cfg(any(test, feature = "mock"))]
pub use authorizer::MockAuthorizer;
#[cfg(any(test, feature = "mock"))]
pub use purse::MockPurse;
