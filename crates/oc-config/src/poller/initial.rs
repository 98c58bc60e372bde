//! `initial`: what of the past a new resource sends (polling.md, "Additive keys").

use std::fmt;

use crate::{DateReader, Timestamp, Zone};

/// From when on the records of a new resource are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initial {
    /// From when events are enabled: nothing older is sent.
    #[default]
    Now,
    /// Changes since an instant.
    Since(Timestamp),
    /// Everything that is there is sent once as CREATED.
    All,
}

impl Initial {
    /// Reads `now`, `all` or an ISO 8601 date.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "now" => Some(Self::Now),
            "all" => Some(Self::All),
            // A bare number would be read as an epoch, which nobody means by a date here.
            date if date.bytes().all(|byte| byte.is_ascii_digit()) => None,
            _ => DateReader::any(Zone::gmt()).read_text(text.trim()).map(Self::Since),
        }
    }
}

impl fmt::Display for Initial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Since(at) => at.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_dates_are_read_and_written_back() {
        for (text, shown) in [
            (" Now ", "now"),
            ("ALL", "all"),
            ("2026-01-02", "2026-01-02T00:00:00Z"),
            ("2026-01-02T03:04:05.5-05:00", "2026-01-02T08:04:05.5Z"),
        ] {
            assert_eq!(Initial::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["soon", "2026", "1767323045", "2026-13-01"] {
            assert_eq!(Initial::parse(text), None, "{text}");
        }
    }
}
