//! `connectors check`: every mistake in a definition file, each with its line.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use oc_config::{
    Configuration, Connector, Diagnostic, InstanceId, PollerConfiguration, ResourceConfig,
    Timestamp,
};
use oc_hub::Target;
use serde_json::Value as Json;
use url::Url;

use crate::app::catalogue;
use crate::preview::preview;
use crate::settings::Settings;

pub(super) fn run(file: &Path, settings: &Settings) -> anyhow::Result<ExitCode> {
    let text = super::read(file)?;
    let checked = Connector::parse(&text).and_then(|connector| {
        let connector = Arc::new(connector);
        let mut faults = polls(&connector);
        // Another one with the same number, say.
        let added = catalogue(settings)
            .map_err(|error| vec![Diagnostic::error("", error.to_string())])?
            .add(Connector::clone(&connector));
        faults.extend(added.err());
        if faults.is_empty() { Ok(connector) } else { Err(Connector::placed(&text, faults)) }
    });
    match checked {
        Ok(connector) => {
            let (key, resources) = (&connector.key, connector.resources.len());
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}: `{key}` has no mistakes; {resources} resources", file.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            print(&faults, &text, file)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What of the default polls cannot be carried out.
fn polls(connector: &Arc<Connector>) -> Vec<Diagnostic> {
    let Ok(json) = serde_json::from_str::<Json>(&connector.poller_configuration) else {
        return Vec::new();
    };
    if json.as_object().is_some_and(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let read = PollerConfiguration::read(&json, &|_| None);
    let mut faults: Vec<Diagnostic> =
        read.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
    // What a url takes from the instance is not known here.
    let complete = read.resources.iter().filter(|one| one.url.names().next().is_none());
    faults.extend(complete.filter_map(|one| poll(connector, one).err()));
    let place = |fault: Diagnostic| Diagnostic::error("polling.configuration", fault.to_string());
    faults.into_iter().map(place).collect()
}

fn poll(connector: &Arc<Connector>, config: &ResourceConfig) -> Result<(), Diagnostic> {
    let Ok(base) = Url::parse(&connector.base) else { return Ok(()) };
    let target = Target {
        instance: InstanceId(0),
        connector: Arc::clone(connector),
        base,
        account: String::new(),
        drop_nulls: true,
    };
    let at = Timestamp(0).plus(connector.interval);
    preview(&target, config, &Configuration::default(), Timestamp(0), at)
        .map(drop)
        .map_err(|fault| Diagnostic { path: format!("{}.url", config.name), ..fault })
}

fn print(faults: &[Diagnostic], text: &str, file: &Path) -> anyhow::Result<()> {
    let mut out = std::io::stderr().lock();
    let renderer = if out.is_terminal() { Renderer::styled() } else { Renderer::plain() };
    let name = file.display().to_string();
    for fault in faults {
        let Some(span) = fault.line.and_then(|line| span_of(text, line)) else {
            writeln!(out, "error: {fault}")?;
            continue;
        };
        // The line is shown, and need not be told as well.
        let title = Diagnostic { line: None, ..fault.clone() }.to_string();
        let annotation = AnnotationKind::Primary.span(span);
        let snippet = Snippet::source(text).path(&name).annotation(annotation);
        let group = Level::ERROR.primary_title(&title).element(snippet);
        writeln!(out, "{}", renderer.render(&[group]))?;
    }
    Ok(())
}

/// The text of a line without the blanks around it.
fn span_of(text: &str, line: usize) -> Option<std::ops::Range<usize>> {
    let found = text.split_inclusive('\n').nth(line.checked_sub(1)?)?;
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let start = before + found.len() - found.trim_start().len();
    let end = start + found.trim().len();
    (end > start).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALESLOFT: &str = include_str!("../../../../oc-config/connectors/salesloft.toml");

    fn told(text: &str) -> Vec<String> {
        let connector = Arc::new(Connector::parse(text).unwrap());
        polls(&connector).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn default_polls_that_cannot_be_carried_out_are_mistakes() {
        assert!(told(SALESLOFT).is_empty());
        let faults = told(&SALESLOFT.replace("where=updated_at>=", "where=colour>="));
        assert!(faults[0].starts_with("polling.configuration: contacts.url"), "{faults:?}");
        let faults = told(&SALESLOFT.replace("/hubs/crm/contacts?", "/hubs/crm/people?"));
        assert!(faults[0].contains("unknown resource `people`"), "{faults:?}");
        let faults = told(&SALESLOFT.replace("\"idField\": \"id\",", ""));
        assert!(faults[0].contains("idField"), "{faults:?}");
    }

    #[test]
    fn a_line_is_found_without_the_blanks_around_it() {
        assert_eq!(span_of("a\n  b c \n", 2), Some(4..7));
        assert_eq!((span_of("a\n\n", 2), span_of("a", 9), span_of("a", 0)), (None, None, None));
    }
}
