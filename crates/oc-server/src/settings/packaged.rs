//! What packages set: `packaging/oc.toml` names every setting, and nothing in that folder names another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Settings;
use super::table::{self, arguments};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging")
}

fn settings(text: &str) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oc.toml");
    std::fs::write(&path, text).unwrap();
    let command = clap::Command::new("oc-server").args(arguments());
    let words = ["oc-server".to_owned(), "--config".to_owned(), path.display().to_string()];
    Settings::read(&command.try_get_matches_from(words).unwrap())
}

/// The file with its examples and defaults in force.
fn with_examples(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let example = line.strip_prefix("# ").filter(|rest| {
            let key = rest.split_once(" = ").map_or("", |(key, _)| key);
            !key.is_empty()
                && key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
        });
        example.unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_packaged_file_names_every_setting_with_its_default() {
    let text = std::fs::read_to_string(folder().join("oc.toml")).unwrap();
    let packaged = settings(&text).unwrap();
    assert_eq!(packaged.database.file(), Some(Path::new("/var/lib/open-connectors/oc.db")));
    let shown = with_examples(&text);
    // The file is of one server, and a queue of several.
    let (file, shared) = ("sqlite:/var/lib/open-connectors/oc.db", "postgres://oc@db.example/oc");
    settings(&shown.replace(file, shared)).unwrap();
    let shown: toml::Table = shown.parse().unwrap();
    for (name, default) in table::defaults() {
        let key = name.replace('-', "_");
        let value = shown.get(&key);
        let value = value.unwrap_or_else(|| panic!("packaging/oc.toml does not show `{key}`"));
        let Some(default) = default.filter(|_| key != "database_url") else { continue };
        let value = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(list) if list.is_empty() => String::new(),
            other => other.to_string(),
        };
        assert_eq!(value, default, "packaging/oc.toml shows another default of `{key}`");
    }
}

#[test]
fn what_the_packages_set_are_settings() {
    let known: BTreeSet<String> = table::defaults()
        .map(|(name, _)| format!("OC_{}", name.replace('-', "_").to_uppercase()))
        .collect();
    let (mut folders, mut named) = (vec![folder()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            for word in words.filter(|word| word.starts_with("OC_") && word.len() > 3) {
                assert!(known.contains(word), "{}: {word} is no setting", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 0, "nothing is set at all");
}
