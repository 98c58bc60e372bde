//! Templates in poll urls: `${date:MASK}` and its kin, and `{name}` for configuration values.

mod parse;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{DateMask, Diagnostic, Timestamp, Zone};

/// What RFC 3986 calls unreserved stays as it is; everything else of a value is encoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A poll's url before its values are put in.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlTemplate {
    text: String,
    pieces: Vec<Piece>,
}

/// The instants that templates stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderAt {
    /// The last poll time, with delay and overlap already taken off.
    pub last_poll: Timestamp,
    /// The poll's start.
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal {
        text: String,
        column: usize,
    },
    /// `{name}`: a configuration value.
    Value {
        name: String,
        column: usize,
    },
    Instant {
        of: Moment,
        form: Form,
        column: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    LastPoll,
    Now,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Mask(DateMask, ZoneOf),
    /// Epoch in units of so many microseconds.
    Epoch(i64),
}

#[derive(Clone, Debug, PartialEq)]
enum ZoneOf {
    Fixed(Zone),
    /// The zone that a configuration value names.
    Value(String),
}

impl UrlTemplate {
    /// Reads a url. `${...}` is found before anything looks at quotes.
    ///
    /// # Errors
    /// Every template that is not understood, with its column and the nearest valid form.
    pub fn parse(text: &str) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut reader = parse::Reader::default();
        reader.read(text);
        if reader.faults.is_empty() {
            Ok((Self { text: text.to_owned(), pieces: reader.pieces }, reader.warnings))
        } else {
            Err(reader.faults)
        }
    }

    /// The url as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The configuration values that the url needs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value { name, .. } => Some(name.as_str()),
            Piece::Instant { form: Form::Mask(_, ZoneOf::Value(name)), .. } => Some(name),
            _ => None,
        })
    }

    /// The url with its values, before any percent-encoding.
    ///
    /// # Errors
    /// A value that is not configured, or a configured zone that is none.
    pub fn render(
        &self,
        at: &RenderAt,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Diagnostic> {
        self.put_together(at, lookup, |value| value)
    }

    /// The same with each value percent-encoded, so that decoding the whole once gives back both
    /// the values and the text around them.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_encoded(
        &self,
        at: &RenderAt,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, Diagnostic> {
        self.put_together(at, lookup, |value| utf8_percent_encode(&value, VALUE).to_string())
    }

    /// The column of this url from which a column of its rendering comes; both count characters
    /// from 1.
    pub fn source_column(
        &self,
        at: &RenderAt,
        lookup: &dyn Fn(&str) -> Option<String>,
        rendered: usize,
    ) -> usize {
        let mut passed = 0;
        for piece in &self.pieces {
            let one = Self { text: String::new(), pieces: vec![piece.clone()] };
            let length = one.render(at, lookup).map_or(0, |text| text.chars().count());
            if rendered <= passed + length {
                return match piece {
                    Piece::Literal { column, .. } => column + rendered - passed - 1,
                    Piece::Value { column, .. } | Piece::Instant { column, .. } => *column,
                };
            }
            passed += length;
        }
        self.text.chars().count() + 1
    }

    fn put_together(
        &self,
        at: &RenderAt,
        lookup: &dyn Fn(&str) -> Option<String>,
        encode: impl Fn(String) -> String,
    ) -> Result<String, Diagnostic> {
        let mut url = String::with_capacity(self.text.len() + 16);
        for piece in &self.pieces {
            match piece {
                Piece::Literal { text, .. } => url.push_str(text),
                Piece::Value { name, column } => {
                    let value = lookup(name).ok_or_else(|| missing(name, *column))?;
                    url.push_str(&encode(value));
                }
                Piece::Instant { of, form, column } => {
                    let instant = match of {
                        Moment::LastPoll => at.last_poll,
                        Moment::Now => at.now,
                    };
                    url.push_str(&encode(form.write(instant, lookup, *column)?));
                }
            }
        }
        Ok(url)
    }
}

impl Form {
    fn write(
        &self,
        instant: Timestamp,
        lookup: &dyn Fn(&str) -> Option<String>,
        column: usize,
    ) -> Result<String, Diagnostic> {
        match self {
            Self::Epoch(unit) => Ok(instant.0.div_euclid(*unit).to_string()),
            Self::Mask(mask, ZoneOf::Fixed(zone)) => Ok(mask.format(instant.to_utc(), zone)),
            Self::Mask(mask, ZoneOf::Value(name)) => {
                let value = lookup(name).ok_or_else(|| missing(name, column))?;
                let zone = Zone::parse(&value).ok_or_else(|| {
                    Diagnostic::error(
                        "",
                        format!("the configuration value `{name}` names no time zone"),
                    )
                    .at(column)
                    .help("Europe/Berlin, GMT or -08:00")
                })?;
                Ok(mask.format(instant.to_utc(), &zone))
            }
        }
    }
}

fn missing(name: &str, column: usize) -> Diagnostic {
    Diagnostic::error(
        "",
        format!("the url needs the configuration value `{name}`, which is missing"),
    )
    .at(column)
    .help(format!("add \"{name}\" to the instance's configuration"))
}

#[cfg(test)]
mod tests;
