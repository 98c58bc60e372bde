//! What the reader of a configuration is told: every fault at once, each with its place.

use std::fmt;

/// Whether the configuration can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can: something was read in another way than it was written.
    Warning,
    /// It cannot.
    Error,
}

/// One remark about one place of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Dotted path from the document's root to the value, such as `contacts.url`; empty for the root.
    pub path: String,
    /// Line of the file it is about, from 1.
    pub line: Option<usize>,
    /// Column inside the value's text, counted in characters from 1.
    pub column: Option<usize>,
    /// What is wrong and what was expected, lower case, without a full stop.
    pub message: String,
    /// The nearest valid form, when there is one.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A remark that leaves the configuration usable.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, path.into(), message.into())
    }

    /// A configuration value that came masked, where none is stored that it could stand for.
    pub fn masked(key: &str) -> Self {
        let message = "it is masked, and there is no value to keep; send the value";
        Self::warning(format!("configuration.{key}"), message)
    }

    /// A fault.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, path.into(), message.into())
    }

    fn new(severity: Severity, path: String, message: String) -> Self {
        Self { severity, path, line: None, column: None, message, help: None }
    }

    /// The same remark, at a column (characters, from 1) of the value's text.
    #[must_use]
    pub fn at(mut self, column: usize) -> Self {
        self.column = Some(column);
        self
    }

    /// The same remark, with the nearest valid form.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same remark seen from a document that holds this one at `parent`.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.path = match (parent.is_empty(), self.path.is_empty()) {
            (true, _) => self.path,
            (false, true) => parent.to_owned(),
            (false, false) => format!("{parent}.{}", self.path),
        };
        self
    }

    /// True for a fault.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `line 3: contacts.url, column 12: message (help)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.path)?;
        if let Some(column) = self.column {
            write!(f, "{}column {column}", if self.path.is_empty() { "" } else { ", " })?;
        }
        if !self.path.is_empty() || self.column.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}
