//! `connectors import`: an exported element.json in the native form.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use oc_config::import_element;

/// Fails when the definition lacks something that only a person can add; it is written all the same.
pub(super) fn run(file: &Path, output: Option<&Path>) -> anyhow::Result<ExitCode> {
    let text = super::read(file)?;
    let imported = match import_element(&text) {
        Ok(imported) => imported,
        Err(fault) => {
            eprintln!("error: {}: {fault}", file.display());
            return Ok(ExitCode::FAILURE);
        }
    };
    match output {
        Some(output) => {
            let opened = OpenOptions::new().write(true).create_new(true).open(output);
            let mut opened = opened.with_context(|| output.display().to_string())?;
            opened.write_all(imported.definition.as_bytes())?;
        }
        None => std::io::stdout().lock().write_all(imported.definition.as_bytes())?,
    }
    for one in &imported.left_out {
        eprintln!("not carried over: {one}");
    }
    for fault in &imported.faults {
        eprintln!("to be completed: {fault}");
    }
    Ok(if imported.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
