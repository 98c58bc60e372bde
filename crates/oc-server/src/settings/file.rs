//! `oc.toml`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Spanned, Value};

const NAME: &str = "oc.toml";

/// The values of a file as text, each with its place for messages.
#[derive(Debug, Default)]
pub(super) struct FileValues {
    pub(super) values: BTreeMap<String, (String, String)>,
    /// `[sinks.NAME]`, and the file's name.
    pub(super) sinks: Option<(Value, String)>,
}

/// Reads the file that is given, or `oc.toml` when it is there.
pub(super) fn read(given: Option<&Path>) -> Result<FileValues, Vec<String>> {
    let path = given.unwrap_or(Path::new(NAME));
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &path.display().to_string()),
        Err(error) if given.is_none() && error.kind() == ErrorKind::NotFound => {
            Ok(FileValues::default())
        }
        Err(error) => Err(vec![unreadable(path, &error)]),
    }
}

/// Says where it looked: a file that nobody has named is looked for in a folder that may belong to
/// another user, as in a container.
fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let fault = format!("the settings file {} cannot be read: {error}", place.display());
    if error.kind() == ErrorKind::PermissionDenied {
        return format!("{fault}; run the program as a user who may read that folder");
    }
    fault
}

fn parse(text: &str, name: &str) -> Result<FileValues, Vec<String>> {
    let line_at = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
    let table: BTreeMap<String, Spanned<Value>> = toml::from_str(text).map_err(|error| {
        let line = line_at(error.span().map_or(0, |span| span.start));
        vec![format!("{name} line {line}: {}", error.message())]
    })?;
    let (mut found, mut faults) = (FileValues::default(), Vec::new());
    for (key, value) in table {
        let place = format!("{name} line {} ({key})", line_at(value.span().start));
        if key == "sinks" {
            found.sinks = Some((value.into_inner(), name.to_owned()));
            continue;
        }
        match as_text(value.into_inner()) {
            Some(text) => drop(found.values.insert(key, (text, place))),
            None => {
                faults.push(format!("{place}: a text, a number or a list of texts was expected"));
            }
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values.into_iter().map(as_text).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_user_is_named() {
        let told = unreadable(Path::new(NAME), &ErrorKind::PermissionDenied.into());
        let here = std::env::current_dir().unwrap().join(NAME);
        assert!(told.contains(&here.display().to_string()), "{told}");
        assert!(told.contains("run the program as a user who may read that folder"), "{told}");
        let told = unreadable(Path::new("/nowhere/oc.toml"), &ErrorKind::NotFound.into());
        assert!(told.starts_with("the settings file /nowhere/oc.toml cannot be read: "), "{told}");
    }
}
