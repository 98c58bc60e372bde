//! A provider's answer taken apart: its records, and what it says about paging and filters.

use std::ops::Range;

use bytes::Bytes;
use oc_config::FieldPath;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Picker;
use super::scan::{is_deeper_than, items, skip_space};

/// The most levels of nesting (runtime.md, "Limits").
const DEEPEST: usize = 128;

/// Where things are in an answer.
#[derive(Clone, Copy, Debug)]
pub struct PageForm<'a> {
    /// The array of records.
    pub items: &'a FieldPath,
    /// The next page.
    pub next: Option<&'a FieldPath>,
    /// The filters that were applied.
    pub echo: Option<&'a FieldPath>,
}

/// One page of records.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    records: Vec<Range<usize>>,
    /// What the answer names as its next page; `None` when it names none.
    pub next: Option<Value>,
    /// The filters the provider says it applied.
    pub echo: Option<Value>,
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
        let mut parser = serde_json::Deserializer::from_slice(&body);
        IgnoredAny::deserialize(&mut parser)
            .and_then(|_| parser.end())
            .map_err(|error| PageError::Syntax(error.to_string()))?;
        if is_deeper_than(&body, DEEPEST) {
            return Err(PageError::Syntax(format!("nested more than {DEEPEST} levels deep")));
        }
        let picker =
            Picker::new([Some(form.items.clone()), form.next.cloned(), form.echo.cloned()]);
        let [found, next, echo] = picker.pick(&body);
        let whole = form.items.segments().is_empty().then_some(&body[..]);
        let array = found.or(whole).filter(|raw| raw.get(skip_space(raw, 0)) == Some(&b'['));
        let Some(array) = array else { return Err(PageError::NoRecords(form.items.to_string())) };
        let base = array.as_ptr().addr() - body.as_ptr().addr();
        let records = items(array, 0).map(|item| base + item.span.0..base + item.span.1).collect();
        let value = |raw: Option<&[u8]>| {
            raw.and_then(|raw| serde_json::from_slice::<Value>(raw).ok())
                .filter(|value| !value.is_null())
        };
        let (next, echo) = (value(next), value(echo));
        Ok(Self { body, records, next, echo })
    }

    /// How many records the provider sent.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it sent none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records' raw JSON, in order.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        self.records.iter().map(|at| &self.body[at.clone()])
    }

    /// One record that shares the page's memory.
    pub fn record(&self, index: usize) -> Bytes {
        self.body.slice(self.records[index].clone())
    }

    /// The page with only the records for which `keep` holds.
    #[must_use]
    pub fn retained(mut self, mut keep: impl FnMut(&[u8]) -> bool) -> Self {
        let body = &self.body;
        self.records.retain(|at| keep(&body[at.clone()]));
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str, items: &str) -> Result<Page, PageError> {
        let at = |pointer: &str| FieldPath::from_pointer(pointer).unwrap();
        let (items, next, echo) =
            (at(items), at("/metadata/paging/next_page"), at("/metadata/filtering"));
        let form = PageForm { items: &items, next: Some(&next), echo: Some(&echo) };
        Page::parse(Bytes::from(body.to_owned()), &form)
    }

    const BODY: &str = r#"{"metadata":{"filtering":{"updated_at":{"gte":"x"}},"paging":{"next_page":2}},
        "data":[ {"id":1,"a":"]"} , {"id":2} ]}"#;

    #[test]
    fn records_next_page_and_echo_are_found() {
        let page = parse(BODY, "/data").unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(page.record(1), r#"{"id":2}"#);
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
        for body in ["", "<html>", "{\"data\":[{}]", "{\"data\":[]} x"] {
            assert!(matches!(parse(body, "/data"), Err(PageError::Syntax(_))), "{body}");
        }
        for body in ["{}", "{\"data\":{}}", "[]", "{\"data\":null}"] {
            assert!(matches!(parse(body, "/data"), Err(PageError::NoRecords(_))), "{body}");
        }
        assert!(parse(&format!("{}{}", "[".repeat(200), "]".repeat(200)), "").is_err());
    }

    proptest! {
        #[test]
        fn an_answer_cut_short_is_never_a_page(cut in 0..BODY.len()) {
            prop_assert!(parse(&BODY[..cut], "/data").is_err());
        }
    }
}
