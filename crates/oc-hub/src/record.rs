//! Records as they are read: slices of an answer, from which fields are picked without copying.

mod fingerprint;
mod nulls;
mod object_id;
mod page;
mod pick;
mod scan;

pub use fingerprint::fingerprint;
pub use nulls::strip_nulls;
pub use object_id::object_id;
pub use page::{Page, PageError, PageForm, Record};
pub use pick::Picker;
