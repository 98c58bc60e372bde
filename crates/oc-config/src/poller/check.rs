//! Whether a poll url will be a hub call once its templates are filled in.

use std::time::Duration;

use crate::{Diagnostic, HubCall, RenderAt, Timestamp, UrlTemplate};

/// Some instant with a fraction: 2026-01-02T03:04:05.678901Z.
const SOME_TIME: Timestamp = Timestamp(1_767_323_045_678_901);

/// What a url is once its templates are filled in.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) remarks: Vec<Diagnostic>,
    /// The hub resource.
    pub(super) resource: String,
    /// The column of a quote too many, which is to be taken out.
    pub(super) stray_quote: Option<usize>,
}

/// Renders the url for some instant and reads it as the poller will; columns are those of the url
/// as it was written.
pub(super) fn check_url(
    template: &UrlTemplate,
    delay: Duration,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Checked {
    let at = RenderAt { last_poll: SOME_TIME.minus(delay), now: SOME_TIME };
    let url = match template.render(&at, lookup) {
        Ok(url) => url,
        Err(fault) => return Checked { remarks: vec![fault], ..Checked::default() },
    };
    let placed = |remark: Diagnostic| match remark.column {
        Some(column) => remark.at(template.source_column(&at, lookup, column)),
        None => remark,
    };
    match HubCall::parse(&url) {
        // The one thing the where language forgives is a quote too many at its end.
        Ok((call, warnings)) => {
            let remarks: Vec<Diagnostic> = warnings.into_iter().map(placed).collect();
            let stray_quote = remarks.first().and_then(|warning| warning.column);
            Checked { remarks, resource: call.resource, stray_quote }
        }
        Err(fault) => Checked { remarks: vec![placed(fault)], ..Checked::default() },
    }
}
