//! What was asked for. Pure: no I/O, no async, no clock.
//!
//! Instance and poller configuration, URL templates, date masks, the `where` language, connector
//! definitions. After this crate no layer sees raw text, patterns or templates.

mod diagnostic;
mod ids;
mod oauth2;
mod timestamp;

pub use diagnostic::{Diagnostic, Severity};
pub use ids::InstanceId;
pub use oauth2::{ClientAuthentication, OAuth2, TokenBody};
pub use timestamp::Timestamp;
