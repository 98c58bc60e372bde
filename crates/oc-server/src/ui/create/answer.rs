//! What the API says to a form that is being filled in.

use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::problem::sentence;

/// What a configuration would do.
#[derive(Debug, Deserialize)]
pub(super) struct Previewed {
    remarks: Vec<Remark>,
    polls: Vec<Poll>,
}

#[derive(Debug, Deserialize)]
struct Remark {
    fault: bool,
    path: String,
    column: Option<usize>,
    message: String,
    help: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Poll {
    resource: String,
    url: String,
    request: String,
}

/// What came of a test of the callback.
#[derive(Debug, Deserialize)]
pub(super) struct Tested {
    status: Option<u16>,
    took: u64,
    error: Option<String>,
    answer: String,
    signed: bool,
}

impl Previewed {
    /// The faults, when there are some.
    pub(super) fn refusal(&self) -> Option<Markup> {
        let mut faults = self.remarks.iter().filter(|remark| remark.fault).peekable();
        faults.peek()?;
        Some(html! { ul { @for fault in faults { li { (fault.show()) } } } })
    }

    /// What will be asked at the next poll, and what is to be said of it.
    pub(super) fn show(&self) -> Markup {
        html! {
            @for remark in &self.remarks {
                p class={ "notice " (if remark.fault { "bad" } else { "warn" }) } { (remark.show()) }
            }
            @for poll in &self.polls {
                h4 { (poll.resource) }
                dl.facts.code {
                    dt { "URL" } dd { (poll.url) }
                    dt { "Provider request" } dd { "GET " (poll.request) }
                }
            }
            @if self.remarks.is_empty() && self.polls.is_empty() { p.soft { "Nothing is polled." } }
        }
    }
}

impl Remark {
    fn show(&self) -> Markup {
        let path = self.path.strip_prefix("configuration.").unwrap_or(&self.path);
        html! {
            code { (path) }
            @if let Some(column) = self.column { ", column " (column) }
            ": " (sentence(&self.message))
            @if let Some(help) = &self.help { " Perhaps " code { (help) } "." }
        }
    }
}

impl Tested {
    pub(super) fn show(&self) -> Markup {
        let is_good = self.status.is_some_and(|status| (200..300).contains(&status));
        html! {
            div class={ "notice " (if is_good { "good" } else { "bad" }) } {
                p {
                    @match self.status {
                        Some(status) => { "The receiver answered " strong { (status) } " after " (self.took) " ms." }
                        None => { "No answer after " (self.took) " ms." }
                    }
                    @if !self.signed { " The test was not signed, as there is no signature key." }
                }
                @if let Some(error) = &self.error { p { (sentence(error)) } }
                @if !self.answer.is_empty() { pre { (self.answer) } }
            }
        }
    }
}
