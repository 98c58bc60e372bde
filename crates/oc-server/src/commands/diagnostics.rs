//! How faults and warnings of a configuration are shown on a terminal.

use std::io::{IsTerminal as _, Write as _};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use oc_config::Diagnostic;
use serde_json::Value as Json;

/// Prints each remark to standard error; one that has a column points into the value's text.
pub(crate) fn print(remarks: &[Diagnostic], document: Option<&Json>) -> anyhow::Result<()> {
    let mut out = std::io::stderr().lock();
    let renderer = if out.is_terminal() { Renderer::styled() } else { Renderer::plain() };
    for remark in remarks {
        let level = if remark.is_error() { Level::ERROR } else { Level::WARNING };
        let text = document.and_then(|document| text_at(document, &remark.path));
        match (remark.column, text) {
            (Some(column), Some(text)) => {
                let start = text.char_indices().nth(column - 1).map_or(text.len(), |(at, _)| at);
                let end =
                    text[start..].chars().next().map_or(start, |next| start + next.len_utf8());
                let help = remark.help.as_deref().unwrap_or("here");
                let snippet = Snippet::source(text)
                    .path(&remark.path)
                    .annotation(AnnotationKind::Primary.span(start..end).label(help));
                let group = level.primary_title(&remark.message).element(snippet);
                writeln!(out, "{}", renderer.render(&[group]))?;
            }
            _ => {
                let word = if remark.is_error() { "error" } else { "warning" };
                writeln!(out, "{word}: {remark}")?;
            }
        }
    }
    Ok(())
}

/// The text at a dotted path whose keys may hold dots themselves.
fn text_at<'d>(document: &'d Json, path: &str) -> Option<&'d str> {
    if path.is_empty() {
        return document.as_str();
    }
    document.as_object()?.iter().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.as_str())?;
        let rest = rest.strip_prefix('.').or_else(|| rest.is_empty().then_some(""))?;
        text_at(value, rest)
    })
}

#[cfg(test)]
mod tests {
    use super::text_at;

    #[test]
    fn a_text_is_found_though_keys_hold_dots() {
        let document = serde_json::json!({"configuration": {"event.poller.configuration": {"contacts": {"url": "x"}}}});
        let path = "configuration.event.poller.configuration.contacts.url";
        assert_eq!(text_at(&document, path), Some("x"));
        assert_eq!(text_at(&document, "configuration.event"), None);
    }
}
