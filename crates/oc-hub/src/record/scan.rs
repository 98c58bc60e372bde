//! Walking over JSON that is known to be valid, byte by byte where it matters and in leaps elsewhere.

use std::ops::Range;

use memchr::memchr2;
use oc_config::Segment;

/// The first byte at or after `at` that is no white space.
pub(super) fn skip_space(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The end of the text whose opening quote is at `at`, its closing quote included.
pub(super) fn skip_text(json: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// The end of the value that begins at `at`.
pub(super) fn skip_value(json: &[u8], at: usize) -> usize {
    match json.get(at) {
        Some(b'"') => skip_text(json, at),
        Some(b'{' | b'[') => skip_nested(json, at),
        _ => skip_scalar(json, at),
    }
}

/// The end of the number or word that begins at `at`.
pub(super) fn skip_scalar(json: &[u8], mut at: usize) -> usize {
    while json
        .get(at)
        .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
    {
        at += 1;
    }
    at
}

fn skip_nested(json: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = skip_text(json, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    json.len()
}

/// Whether arrays and objects are nested more than `most` levels deep.
pub(super) fn is_deeper_than(json: &[u8], most: usize) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = skip_text(json, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
        at += 1;
    }
    false
}

/// A member of an object or an element of an array: its name's raw text with quotes, if it has
/// one, and its value's.
pub(super) struct Item<'j> {
    pub(super) name: Option<&'j [u8]>,
    pub(super) value: &'j [u8],
}

/// The items of the object or array that begins at `at`; nothing for another value.
pub(super) fn items(json: &[u8], at: usize) -> Items<'_> {
    let start = skip_space(json, at);
    let named = json.get(start) == Some(&b'{');
    let inside = named || json.get(start) == Some(&b'[');
    Items { json, at: if inside { start + 1 } else { json.len() }, named }
}

pub(super) struct Items<'j> {
    json: &'j [u8],
    at: usize,
    named: bool,
}

impl<'j> Items<'j> {
    /// The next item's name, and where its value begins; the value is not walked over.
    fn head(&mut self) -> Option<(Option<&'j [u8]>, usize)> {
        let json = self.json;
        let mut at = skip_space(json, self.at);
        if json.get(at) == Some(&b',') {
            at = skip_space(json, at + 1);
        }
        if matches!(json.get(at), None | Some(b'}' | b']')) {
            self.at = json.len();
            return None;
        }
        let mut name = None;
        if self.named {
            let end = skip_text(json, at);
            name = Some(&json[at..end]);
            // Past the colon.
            at = skip_space(json, skip_space(json, end) + 1);
        }
        Some((name, at))
    }

    /// Walks over the value that begins at `at`.
    fn pass(&mut self, at: usize) -> usize {
        self.at = skip_value(self.json, at).max(at + 1).min(self.json.len());
        self.at
    }
}

impl<'j> Iterator for Items<'j> {
    type Item = Item<'j>;

    fn next(&mut self) -> Option<Item<'j>> {
        let (name, at) = self.head()?;
        let end = self.pass(at);
        Some(Item { name, value: self.json.get(at..end)? })
    }
}

/// Where the value at a path is, if it is there; nothing behind it is looked at.
pub(super) fn value_at(json: &[u8], path: &[Segment]) -> Option<Range<usize>> {
    let start = start_of(json, path)?;
    Some(start..skip_value(json, start))
}

/// Where the value at a path begins, if it is there; only what stands before it is looked at.
pub(super) fn start_of(json: &[u8], path: &[Segment]) -> Option<usize> {
    let mut at = skip_space(json, 0);
    for segment in path {
        let mut members = items(json, at);
        let mut index = 0;
        at = loop {
            let (name, value) = members.head()?;
            let is_here = match (segment, name) {
                (Segment::Member(wanted), Some(raw)) => is_named(raw, wanted),
                (Segment::Index(wanted), None) => *wanted == index,
                _ => false,
            };
            if is_here {
                break value;
            }
            members.pass(value);
            index += 1;
        };
    }
    Some(at)
}

/// Whether a raw name, quotes included, is `name`.
pub(super) fn is_named(raw: &[u8], name: &str) -> bool {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains(&b'\\') {
        return serde_json::from_slice::<String>(raw).is_ok_and(|unescaped| unescaped == name);
    }
    inner == name.as_bytes()
}
