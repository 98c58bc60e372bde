//! Finding the templates in a url.

use super::{Form, Moment, Piece, ZoneOf};
use crate::{DateMask, Diagnostic, Zone};

/// What has been read of a url; columns count characters from 1.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) pieces: Vec<Piece>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) faults: Vec<Diagnostic>,
}

const FORMS: &str = "${date:yyyy-MM-dd'T'HH:mm:ssXXX}";

impl Reader {
    pub(super) fn read(&mut self, url: &str) {
        let mut rest = url;
        let mut column = 1;
        while let Some(at) = rest.find(['$', '{']) {
            let (before, found) = rest.split_at(at);
            self.literal(before, column);
            column += before.chars().count();
            let length = if found.starts_with("${") {
                self.template(found, column)
            } else if found.starts_with('{') {
                self.value(found, column)
            } else {
                self.literal("$", column);
                1
            };
            column += found[..length].chars().count();
            rest = &found[length..];
        }
        self.literal(rest, column);
    }

    fn literal(&mut self, found: &str, column: usize) {
        match self.pieces.last_mut() {
            _ if found.is_empty() => {}
            Some(Piece::Literal { text, .. }) => text.push_str(found),
            _ => self.pieces.push(Piece::Literal { text: found.to_owned(), column }),
        }
    }

    /// `${...}` up to its closing brace, over `{name}` inside. Returns its length.
    fn template(&mut self, found: &str, column: usize) -> usize {
        let mut depth = 0_usize;
        for (at, letter) in found.char_indices().skip(1) {
            match letter {
                '{' => depth += 1,
                '}' if depth == 1 => {
                    self.instant(&found[2..at], column);
                    return at + 1;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        let message = "`${` is not closed; a `}` was expected before the end of the url";
        self.faults.push(Diagnostic::error("", message).at(column).help(FORMS));
        found.len()
    }

    /// `{name}`. Returns its length.
    fn value(&mut self, found: &str, column: usize) -> usize {
        let Some(end) = found.find('}') else {
            let message = "`{` is not closed; `{name}` stands for a configuration value";
            self.faults.push(Diagnostic::error("", message).at(column));
            return found.len();
        };
        let name = found[1..end].trim();
        if is_name(name) {
            self.pieces.push(Piece::Value { name: name.to_owned(), column });
        } else {
            let message = format!("`{}` names no configuration value", &found[..=end]);
            self.faults.push(Diagnostic::error("", message).at(column).help("{name}"));
        }
        end + 1
    }

    fn instant(&mut self, inside: &str, column: usize) {
        let (descriptor, argument) = match inside.split_once(':') {
            Some((descriptor, argument)) => (descriptor, Some(argument)),
            None => (inside, None),
        };
        let lower = descriptor.trim().to_ascii_lowercase();
        let mask_at = column + 2 + descriptor.chars().count() + 1;
        let (of, form) = match (lower.as_str(), argument) {
            ("date" | "epoch" | "milliseconds", None) => {
                (Moment::LastPoll, Some(Form::Epoch(1_000)))
            }
            ("epoch", Some(unit)) => (Moment::LastPoll, self.epoch(unit, mask_at)),
            ("now", None) => (Moment::Now, Some(Form::Epoch(1_000))),
            ("date" | "gmtdate", Some(mask)) => {
                (Moment::LastPoll, self.mask(mask, mask_at, ZoneOf::Fixed(Zone::gmt())))
            }
            ("now", Some(mask)) => {
                (Moment::Now, self.mask(mask, mask_at, ZoneOf::Fixed(Zone::gmt())))
            }
            ("datetimezone", Some(argument)) => (Moment::LastPoll, self.zoned(argument, mask_at)),
            ("nowtimezone", Some(argument)) => (Moment::Now, self.zoned(argument, mask_at)),
            _ => (Moment::LastPoll, self.unknown(inside, column)),
        };
        if let Some(form) = form {
            self.pieces.push(Piece::Instant { of, form, column });
        }
    }

    fn epoch(&mut self, unit: &str, column: usize) -> Option<Form> {
        match unit.trim().to_ascii_lowercase().as_str() {
            "ms" => Some(Form::Epoch(1_000)),
            "s" => Some(Form::Epoch(1_000_000)),
            "us" => Some(Form::Epoch(1)),
            _ => {
                let message = format!("`{unit}` is no epoch unit; ms, s and us are");
                self.faults.push(Diagnostic::error("", message).at(column).help("${epoch:ms}"));
                None
            }
        }
    }

    fn mask(&mut self, mask: &str, column: usize, zone: ZoneOf) -> Option<Form> {
        let shifted = |at: Diagnostic| {
            let within = at.column.unwrap_or(1);
            at.at(column + within - 1)
        };
        match DateMask::parse(mask) {
            Ok((mask, warning)) => {
                self.warnings.extend(warning.map(shifted));
                Some(Form::Mask(mask, zone))
            }
            Err(fault) => {
                self.faults.push(shifted(fault));
                None
            }
        }
    }

    /// `ZONE:MASK`, where the zone may hold a colon itself: the longest prefix that is a zone.
    fn zoned(&mut self, argument: &str, column: usize) -> Option<Form> {
        if let Some(rest) = argument.strip_prefix('{')
            && let Some((name, mask)) = rest.split_once("}:")
            && is_name(name)
        {
            let mask_at = column + name.chars().count() + 3;
            return self.mask(mask, mask_at, ZoneOf::Value(name.to_owned()));
        }
        let ends = argument.match_indices(':').map(|(at, _)| at).take(3);
        let split = ends.filter_map(|at| Some((at, Zone::parse(&argument[..at])?))).last();
        let Some((at, zone)) = split else {
            let found = argument.split(':').next().unwrap_or_default();
            let message = format!("`{found}` is no time zone, or no mask follows it");
            let help = "${dateTimeZone:Europe/Berlin:yyyy-MM-dd'T'HH:mm:ss}";
            self.faults.push(Diagnostic::error("", message).at(column).help(help));
            return None;
        };
        let mask_at = column + argument[..at].chars().count() + 1;
        self.mask(&argument[at + 1..], mask_at, ZoneOf::Fixed(zone))
    }

    fn unknown(&mut self, inside: &str, column: usize) -> Option<Form> {
        let number = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
        let (message, help) = if number {
            let message =
                format!("`${{{inside}}}` is a number; a template stands for the last poll time");
            (message, "${epoch:s}".to_owned())
        } else if DateMask::parse(inside).is_ok() {
            let message = format!("`${{{inside}}}` is a mask without its descriptor");
            (message, format!("${{date:{inside}}}"))
        } else {
            let message = format!(
                "`${{{inside}}}` is not understood; date, gmtDate, dateTimeZone, \
                now, nowTimeZone, epoch and milliseconds are"
            );
            (message, FORMS.to_owned())
        };
        self.faults.push(Diagnostic::error("", message).at(column).help(help));
        None
    }
}

fn is_name(name: &str) -> bool {
    let named = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
    !name.is_empty() && name.len() <= 256 && name.chars().all(named)
}
