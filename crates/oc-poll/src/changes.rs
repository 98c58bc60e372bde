//! What differs between two states of an object: some fields, each with its old and its new value.

/// How an object differs from what was told of it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// One for each field that differs: members in the order of their names, outer before inner.
    pub fields: Vec<Change>,
    /// Whether these are all, and all of their values whole.
    pub complete: bool,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name of a member of the record, or a JSON Pointer (RFC 6901) to one further inside. A
    /// name that is empty or begins with `/` is written as a pointer too.
    pub field: String,
    /// Its value before.
    pub old: Shown,
    /// Its value now.
    pub new: Shown,
}

/// A value as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// JSON text; null where there was no value.
    pub json: String,
    /// It was too long: `json` is a text with its beginning.
    pub cut: bool,
}

impl Changes {
    /// How many bytes of names and values they have.
    pub(crate) fn size(&self) -> usize {
        self.fields.iter().map(Change::size).sum()
    }
}

impl Change {
    /// How many bytes its name and its values have.
    pub(crate) fn size(&self) -> usize {
        self.field.len() + self.old.json.len() + self.new.json.len()
    }
}
