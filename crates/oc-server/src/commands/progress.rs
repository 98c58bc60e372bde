//! How far long work is, on a terminal and nowhere else.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so much in all, in words like `{pos}/{len} values`.
pub(super) fn bar(words: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{bar:40}} {words}, {{elapsed}}")) {
        bar.set_style(style);
    }
    bar
}

/// Shows how far it is.
pub(super) fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total.max(done));
    bar.set_position(done);
}
