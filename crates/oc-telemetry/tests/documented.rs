//! `docs/metrics.md` says what the table says, and the table has what the crates record.

use std::path::{Path, PathBuf};

use oc_telemetry::{METRICS, document};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_page_is_made_from_the_table() {
    let path = root().join("docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == document(), "run UPDATE_DOCS=1 cargo test -p oc-telemetry");
}

/// The texts of all crates but this one.
fn sources() -> std::io::Result<Vec<(PathBuf, String)>> {
    let (mut folders, mut texts) = (vec![root().join("crates")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("oc-telemetry") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path)?;
                texts.push((path, text));
            }
        }
    }
    Ok(texts)
}

#[test]
fn every_metric_is_recorded_somewhere_and_none_beside_the_table() {
    let table = std::fs::read_to_string(root().join("crates/oc-telemetry/src/table.rs")).unwrap();
    let sources = sources().unwrap();
    for metric in METRICS {
        let line = table.lines().find(|line| line.contains(&format!("(\"{}\"", metric.name)));
        let constant = line.unwrap().trim().split(':').next().unwrap();
        let is_used = sources.iter().any(|(_, text)| {
            text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .any(|word| word == constant)
        });
        assert!(is_used, "nothing records {} ({constant})", metric.name);
    }
    for (path, text) in &sources {
        for beside in ["metrics::counter!", "metrics::gauge!", "metrics::histogram!"] {
            assert!(!text.contains(beside), "{}: {beside} is not in the table", path.display());
        }
    }
}
