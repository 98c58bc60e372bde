//! A definition's text: read with all its mistakes of form at once, and searched for the lines of
//! those of meaning.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue, Deserializer, Error};

use crate::Diagnostic;

/// A text has at most so many mistakes that are told.
const MOST: usize = 100;

/// Reads a text. What is unknown is told and left out; for what is missing or of the wrong kind
/// something stands in, so that the next mistakes are found too, and nothing is returned.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> (Option<T>, Vec<Diagnostic>) {
    let (mut root, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        let told = broken.iter().take(MOST);
        return (None, told.map(|error| fault(text, String::new(), error)).collect());
    }
    let (mut faults, mut is_mended) = (Vec::new(), false);
    // How many values have stood in at a path.
    let mut tried: HashMap<String, usize> = HashMap::new();
    while faults.len() < MOST {
        let error = match T::deserialize(Deserializer::from(root.clone())) {
            Ok(read) => return (Some(read).filter(|_| !is_mended), faults),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let path = match missing_field(&error) {
            Some(name) => insert(&mut root, &span, name, text.len() + faults.len() + 1),
            None => mend(root.get_mut(), "", &span, &tried),
        };
        is_mended |= path.as_ref().is_some_and(|(_, unknown)| !unknown);
        let Some((path, _)) = path else {
            faults.push(fault(text, String::new(), &error));
            break;
        };
        let count = tried.entry(path.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            faults.push(fault(text, path, &error));
        }
    }
    (None, faults)
}

/// The remarks with the lines on which their paths stand, in the order of the lines.
pub(super) fn placed(text: &str, mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let (root, _) = DeTable::parse_recoverable(text);
    for fault in &mut faults {
        if fault.line.is_none() {
            fault.line = find(root.get_ref(), &fault.path).map(|at| line_of(text, at));
        }
    }
    faults.sort_by_key(|fault| fault.line);
    faults
}

fn fault(text: &str, path: String, error: &Error) -> Diagnostic {
    let mut fault = Diagnostic::error(path, error.message());
    fault.line = error.span().map(|span| line_of(text, span.start));
    fault
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn missing_field(error: &Error) -> Option<&str> {
    error.message().strip_prefix("missing field `")?.strip_suffix('`')
}

/// What stands in for a value of the wrong kind, one after the other.
fn stand_in(count: usize) -> Option<DeValue<'static>> {
    let values = [
        DeValue::Integer(DeInteger::default()),
        DeValue::String(Cow::Borrowed("")),
        DeValue::Boolean(false),
        DeValue::Array(DeArray::default()),
        DeValue::Table(DeTable::default()),
        DeValue::Float(DeFloat::default()),
    ];
    values.into_iter().nth(count)
}

/// Takes the unknown key at `span` out, or lets something stand in for the value there; tells the
/// path, and whether the key was unknown.
fn mend(
    table: &mut DeTable<'_>,
    parent: &str,
    span: &Range<usize>,
    tried: &HashMap<String, usize>,
) -> Option<(String, bool)> {
    let mut unwanted = None;
    for (key, value) in table.iter_mut() {
        let path = joined(parent, key.get_ref());
        if key.span() == *span && !tried.contains_key(&path) {
            unwanted = Some((key.clone(), path));
            break;
        }
        let (is_here, within) = (value.span() == *span, holds(&value.span(), span));
        let inner = match value.get_mut() {
            DeValue::Table(inner) => mend(inner, &path, span, tried),
            DeValue::Array(elements) => {
                elements.iter_mut().enumerate().find_map(|(at, element)| {
                    let DeValue::Table(inner) = element.get_mut() else { return None };
                    mend(inner, &format!("{path}[{at}]"), span, tried)
                })
            }
            _ => None,
        };
        if inner.is_some() {
            return inner;
        }
        let is_plain = !matches!(value.get_ref(), DeValue::Table(_));
        if is_here || (within && is_plain) {
            *value.get_mut() = stand_in(tried.get(&path).copied().unwrap_or(0))?;
            return Some((path, false));
        }
    }
    let (key, path) = unwanted?;
    table.remove(&key);
    Some((path, true))
}

/// Lets something stand in for a missing field of the table at `span`; `place` is a place that
/// nothing else has.
fn insert(
    root: &mut Spanned<DeTable<'_>>,
    span: &Range<usize>,
    name: &str,
    place: usize,
) -> Option<(String, bool)> {
    let is_root = root.span() == *span && !root.get_ref().contains_key(name);
    let (table, parent) = if is_root {
        (root.get_mut(), String::new())
    } else {
        table_at(root.get_mut(), "", span, name)?
    };
    let place = place..place + 1;
    let key = Spanned::new(place.clone(), Cow::Owned(name.to_owned()));
    table.insert(key, Spanned::new(place, stand_in(0)?));
    Some((joined(&parent, name), false))
}

/// The table at `span` that lacks a field, and its path.
fn table_at<'t, 'i>(
    table: &'t mut DeTable<'i>,
    parent: &str,
    span: &Range<usize>,
    name: &str,
) -> Option<(&'t mut DeTable<'i>, String)> {
    table
        .iter_mut()
        .find_map(|(key, value)| lacking(value, joined(parent, key.get_ref()), span, name))
}

fn lacking<'t, 'i>(
    value: &'t mut Spanned<DeValue<'i>>,
    path: String,
    span: &Range<usize>,
    name: &str,
) -> Option<(&'t mut DeTable<'i>, String)> {
    let here = value.span() == *span;
    match value.get_mut() {
        DeValue::Array(elements) => elements
            .iter_mut()
            .enumerate()
            .find_map(|(at, element)| lacking(element, format!("{path}[{at}]"), span, name)),
        DeValue::Table(inner) => {
            if here && !inner.contains_key(name) {
                return Some((inner, path));
            }
            table_at(inner, &path, span, name)
        }
        _ => None,
    }
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Where the deepest part of a dotted path that there is stands. Keys may have dots themselves.
fn find(table: &DeTable<'_>, path: &str) -> Option<usize> {
    table.iter().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.get_ref().as_ref())?;
        let here = key.span().start;
        match rest.chars().next() {
            None => Some(here),
            Some('.') => Some(deeper(value, &rest[1..]).unwrap_or(here)),
            Some('[') => Some(element(value, rest).unwrap_or(here)),
            Some(_) => None,
        }
    })
}

fn deeper(value: &Spanned<DeValue<'_>>, path: &str) -> Option<usize> {
    find(value.get_ref().as_table()?, path)
}

/// `[2].key` of an array of tables.
fn element(value: &Spanned<DeValue<'_>>, rest: &str) -> Option<usize> {
    let (index, path) = rest.strip_prefix('[')?.split_once(']')?;
    let element = value.get_ref().as_array()?.get(index.parse::<usize>().ok()?)?;
    let here = Some(element.span().start);
    path.strip_prefix('.').and_then(|path| deeper(element, path)).or(here)
}
