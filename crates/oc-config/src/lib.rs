//! What was asked for. Pure: no I/O, no async, no clock.
//!
//! Instance and poller configuration, URL templates, date masks, the `where` language, connector
//! definitions. After this crate no layer sees raw text, patterns or templates.

mod date_reader;
mod diagnostic;
mod ids;
mod mask;
mod oauth2;
mod timestamp;
mod zone;

pub use date_reader::DateReader;
pub use diagnostic::{Diagnostic, Severity};
pub use ids::InstanceId;
pub use mask::DateMask;
pub use oauth2::{ClientAuthentication, OAuth2, TokenBody};
pub use timestamp::Timestamp;
pub use zone::Zone;
