//! A provider's answer taken apart: its records, and what it says about paging and filters.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use oc_config::FieldPath;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Picker;
use super::scan::{is_deeper_than, skip_space, start_of};

/// The most levels of nesting (runtime.md, "Limits").
const DEEPEST: usize = 128;
/// The most bytes of an answer that are no records.
const LARGEST_ENVELOPE: usize = 1 << 20;

/// Where things are in an answer.
#[derive(Clone, Copy, Debug)]
pub struct PageForm<'a> {
    /// The array of records.
    pub items: &'a FieldPath,
    /// The fields that are picked out of each record.
    pub fields: &'a Picker,
    /// The next page.
    pub next: Option<&'a FieldPath>,
    /// The filters that were applied.
    pub echo: Option<&'a FieldPath>,
    /// How many records there are in all.
    pub total: Option<&'a FieldPath>,
}

/// One page of records.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    records: Vec<Place>,
    /// What the answer names as its next page; `None` when it names none.
    pub next: Option<Value>,
    /// The filters the provider says it applied.
    pub echo: Option<Value>,
    /// How many records the provider says there are in all.
    pub total: Option<u64>,
}

/// Where a record and its fields are in the body; empty for a field that it does not have.
#[derive(Clone, Debug)]
struct Place {
    record: Range<usize>,
    fields: [Range<u32>; 3],
}

/// A record of a page.
#[derive(Clone, Copy, Debug)]
pub struct Record<'p> {
    /// Its raw JSON.
    pub json: &'p [u8],
    /// The raw JSON of the fields that were picked.
    pub fields: [Option<&'p [u8]>; 3],
}

/// Why an answer is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is not JSON, or nested too deeply.
    #[error("the answer is no JSON: {0}")]
    Syntax(String),
    /// It is JSON of another form.
    #[error("the answer has no array of records at `{0}`")]
    NoRecords(String),
}

impl Page {
    /// Takes an answer apart. The whole of it is checked to be valid JSON of at most 128 levels, so
    /// that one cut short never passes for a shorter page.
    ///
    /// # Errors
    /// What it is instead.
    pub fn parse(body: Bytes, form: &PageForm<'_>) -> Result<Self, PageError> {
        let text = std::str::from_utf8(&body).map_err(syntax)?;
        let open = start_of(&body, form.items.segments()).filter(|at| body.get(*at) == Some(&b'['));
        let Some(open) = open else {
            serde_json::from_str::<IgnoredAny>(text).map_err(syntax)?;
            return Err(PageError::NoRecords(form.items.to_string()));
        };
        let (records, end) = records(text, open, form.fields)?;
        let envelope = envelope(text, open..end)?;
        let told = |path: Option<&FieldPath>| {
            path?.select(&envelope).filter(|value| !value.is_null()).cloned()
        };
        let (next, echo) = (told(form.next), told(form.echo));
        let total = told(form.total).and_then(|total| total.as_u64());
        Ok(Self { body, records, next, echo, total })
    }

    /// How many records the provider sent.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it sent none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many bytes the answer has.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The records, in order.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = Record<'_>> + ExactSizeIterator {
        self.records.iter().map(|place| self.at(place))
    }

    /// One record's raw JSON, which shares the page's memory.
    pub fn record(&self, index: usize) -> Bytes {
        self.body.slice(self.records[index].record.clone())
    }

    /// The page with only the records for which `keep` holds.
    #[must_use]
    pub fn retained(mut self, mut keep: impl FnMut(Record<'_>) -> bool) -> Self {
        let records = std::mem::take(&mut self.records);
        let kept = records.into_iter().filter(|place| keep(self.at(place)));
        self.records = kept.collect();
        self
    }

    fn at(&self, place: &Place) -> Record<'_> {
        let field = |range: &Range<u32>| {
            let raw = self.body.get(range.start as usize..range.end as usize)?;
            (!raw.is_empty()).then_some(raw)
        };
        let json = &self.body[place.record.clone()];
        Record { json, fields: place.fields.each_ref().map(field) }
    }
}

/// The records of the array that begins at `open`, and where it ends.
fn records(text: &str, open: usize, fields: &Picker) -> Result<(Vec<Place>, usize), PageError> {
    let json = text.as_bytes();
    let mut records = Vec::new();
    let mut at = skip_space(json, open + 1);
    if json.get(at) == Some(&b']') {
        return Ok((records, at + 1));
    }
    loop {
        let record = at..at + checked(&text[at..])?;
        let found = fields.pick(&json[record.clone()]);
        let place = |field: Option<&[u8]>| {
            let start = field.map_or(0, |field| field.as_ptr().addr() - json.as_ptr().addr());
            let end = start + field.map_or(0, <[u8]>::len);
            // A page has at most 64 MB.
            u32::try_from(start).unwrap_or(0)..u32::try_from(end).unwrap_or(0)
        };
        at = skip_space(json, record.end);
        records.push(Place { record, fields: found.map(place) });
        match json.get(at) {
            Some(b',') => at = skip_space(json, at + 1),
            Some(b']') => return Ok((records, at + 1)),
            _ => return Err(syntax(format!("`,` or `]` was expected after {at} bytes"))),
        }
    }
}

/// How long the JSON value is that `text` begins with.
fn checked(text: &str) -> Result<usize, PageError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => {}
        Some(Err(why)) => return Err(syntax(why)),
        None => return Err(syntax("a record was expected")),
    }
    let length = values.byte_offset();
    check_depth(&text.as_bytes()[..length])?;
    Ok(length)
}

/// A record with few opening brackets cannot be nested deeply; counting them costs next to nothing.
fn check_depth(record: &[u8]) -> Result<(), PageError> {
    // The two differ in one bit. So many at a time fit into a byte, in which they are counted fastest.
    let opened = |some: &[u8]| some.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    let opened: usize = record.chunks(255).map(|some| usize::from(opened(some))).sum();
    if opened > DEEPEST && is_deeper_than(record, DEEPEST) {
        return Err(syntax(format!("nested more than {DEEPEST} levels deep")));
    }
    Ok(())
}

/// What stands around the records, whose place null takes.
fn envelope(text: &str, records: Range<usize>) -> Result<Value, PageError> {
    let (before, after) = (&text[..records.start], &text[records.end..]);
    if before.len() + after.len() > LARGEST_ENVELOPE {
        return Err(syntax("what stands around its records is longer than 1 MB"));
    }
    serde_json::from_str(&[before, "null", after].concat()).map_err(syntax)
}

fn syntax(why: impl fmt::Display) -> PageError {
    PageError::Syntax(format!("{why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str, items: &str) -> Result<Page, PageError> {
        let at = |pointer: &str| FieldPath::from_pointer(pointer).unwrap();
        let (items, next, echo) =
            (at(items), at("/metadata/paging/next_page"), at("/metadata/filtering"));
        let fields = Picker::new([Some(at("/id")), None, Some(at("/missing"))]);
        let (next, echo) = (Some(&next), Some(&echo));
        let form = PageForm { items: &items, fields: &fields, next, echo, total: None };
        Page::parse(Bytes::from(body.to_owned()), &form)
    }

    const BODY: &str = r#"{"metadata":{"filtering":{"updated_at":{"gte":"x"}},"paging":{"next_page":2}},
        "data":[ {"id":1,"a":"]"} , {"id":2} ]}"#;

    #[test]
    fn records_next_page_and_echo_are_found() {
        let page = parse(BODY, "/data").unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(page.record(1), r#"{"id":2}"#);
        let picked: Vec<_> = page.records().map(|record| record.fields).collect();
        assert_eq!(picked, [[Some(&b"1"[..]), None, None], [Some(&b"2"[..]), None, None]]);
        assert_eq!(page.next, Some(Value::from(2)));
        assert_eq!(page.echo.unwrap()["updated_at"]["gte"], "x");
    }

    #[test]
    fn an_answer_may_be_the_array_itself() {
        let page = parse("[1, {\"a\":[]} ]", "").unwrap();
        assert_eq!((page.len(), page.next), (2, None));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for body in [
            "",
            "<html>",
            "{\"data\":[{}]",
            "{\"data\":[]} x",
            "{\"data\":[{},]}",
            "{\"data\":[{} {}]}",
            "{\"data\":[{\"id\":01}]}",
            "{\"data\":[{\"id\":\"\n\"}]}",
            "{\"a\":tru,\"data\":[]}",
        ] {
            assert!(matches!(parse(body, "/data"), Err(PageError::Syntax(_))), "{body}");
        }
        for body in ["{}", "{\"data\":{}}", "[]", "{\"data\":null}"] {
            assert!(matches!(parse(body, "/data"), Err(PageError::NoRecords(_))), "{body}");
        }
        assert!(parse(&format!("{}{}", "[".repeat(200), "]".repeat(200)), "").is_err());
        assert!(parse(&format!("[{}]", "{},".repeat(200) + "{}"), "").is_ok());
    }

    proptest! {
        #[test]
        fn a_page_is_what_a_parser_takes_for_one(body in "(\\{\"data\": ?)?\\[[ {}\\[\\]\":,\\\\a0en-]{0,12}\\]\\}?") {
            let expected = serde_json::from_str::<Value>(&body).ok();
            let expected = expected.and_then(|value| value["data"].as_array().map(Vec::len));
            prop_assert_eq!(parse(&body, "/data").ok().map(|page| page.len()), expected);
        }

        #[test]
        fn an_answer_cut_short_is_never_a_page(cut in 0..BODY.len()) {
            prop_assert!(parse(&BODY[..cut], "/data").is_err());
        }
    }
}
