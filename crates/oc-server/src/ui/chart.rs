//! Bars over time, drawn by the server, with the same in words and in a table.

use maud::{Markup, html};

use super::layout::instant;

/// Units of width of a bar with its gap.
const STEP: usize = 10;
/// Units of height of the highest bar.
const HEIGHT: u64 = 100;

/// A chart.
pub(super) struct Chart<'a> {
    /// What is seen, as `Events by minute`.
    pub(super) title: &'a str,
    /// What is counted or measured, as `ms`.
    pub(super) unit: &'a str,
    /// The kinds of a bar's pieces, from below: a class of the style sheet and a name.
    pub(super) kinds: &'a [(&'static str, &'static str)],
    /// The bars, from the left.
    pub(super) bars: Vec<Bar>,
}

/// One bar.
pub(super) struct Bar {
    /// The instant at which it begins.
    pub(super) at: String,
    /// The height of each piece.
    pub(super) pieces: Vec<u64>,
}

impl Bar {
    fn total(&self) -> u64 {
        self.pieces.iter().sum()
    }
}

impl Chart<'_> {
    pub(super) fn show(&self) -> Markup {
        let highest = self.bars.iter().max_by_key(|bar| bar.total());
        let Some(highest) = highest.filter(|bar| bar.total() > 0) else {
            return html! {
                figure.panel.chart { figcaption { (self.title) } p.soft { "Nothing in this time." } }
            };
        };
        let words = format!("{}: at most {} {}", self.title, highest.total(), self.unit);
        let width = self.bars.len() * STEP;
        html! {
            figure.panel.chart {
                figcaption {
                    (self.title) " " span.soft { "at most " (highest.total()) " " (self.unit) }
                    @if self.kinds.len() > 1 { (self.legend()) }
                }
                svg role="img" aria-label=(words) viewBox={ "0 0 " (width) " " (HEIGHT) }
                    preserveAspectRatio="none" {
                    @for (at, bar) in self.bars.iter().enumerate() {
                        (self.bar(at * STEP, bar, highest.total()))
                    }
                }
                @if let (Some(first), Some(last)) = (self.bars.first(), self.bars.last()) {
                    div.ends { span { (clock(&first.at)) } span { (clock(&last.at)) } }
                }
                details { summary { "As a table" } (self.table()) }
            }
        }
    }

    fn legend(&self) -> Markup {
        html! {
            span.legend {
                @for (class, name) in self.kinds {
                    span {
                        svg.key aria-hidden="true" viewBox="0 0 1 1" {
                            rect class=(class) width="1" height="1" {}
                        }
                        (name)
                    }
                }
            }
        }
    }

    fn bar(&self, left: usize, bar: &Bar, highest: u64) -> Markup {
        let mut below = 0;
        html! {
            @for ((class, _), piece) in self.kinds.iter().zip(&bar.pieces) {
                @if let Some((top, height)) = stacked(*piece, highest, &mut below) {
                    rect class=(class) x=(left) y=(top) width=(STEP - 2) height=(height) {}
                }
            }
        }
    }

    /// Only bars with something in them.
    fn table(&self) -> Markup {
        html! {
            table.rows {
                thead { tr {
                    th scope="col" { "Time (GMT)" }
                    @for (_, name) in self.kinds { th scope="col" { (name) } }
                } }
                tbody {
                    @for bar in self.bars.iter().filter(|bar| bar.total() > 0) {
                        tr {
                            td data-label="Time (GMT)" { (instant(&bar.at)) }
                            @for ((_, name), piece) in self.kinds.iter().zip(&bar.pieces) {
                                td data-label=(name) { (piece) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where a piece begins and how high it is, on those below it. What is there is to be seen, however
/// small.
fn stacked(piece: u64, highest: u64, below: &mut u64) -> Option<(u64, u64)> {
    if piece == 0 {
        return None;
    }
    let height = (piece * HEIGHT / highest).max(2);
    *below += height;
    Some((HEIGHT.saturating_sub(*below), height))
}

/// The time of day of an instant.
fn clock(at: &str) -> &str {
    at.get(11..16).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bars: &[[u64; 2]]) -> String {
        let bar = |pieces: &[u64; 2]| Bar {
            at: "2026-11-24T12:30:00Z".to_owned(),
            pieces: pieces.to_vec(),
        };
        let kinds = &[("good", "arrived"), ("bad", "failed")];
        let bars = bars.iter().map(bar).collect();
        Chart { title: "Events", unit: "events", kinds, bars }.show().0
    }

    #[test]
    fn pieces_stand_on_each_other_and_small_ones_are_seen() {
        let shown = chart(&[[1_000, 0], [499, 1]]);
        assert!(
            shown.contains(r#"<rect class="good" x="0" y="0" width="8" height="100">"#),
            "{shown}"
        );
        assert!(shown.contains(r#"<rect class="good" x="10" y="51" width="8" height="49">"#));
        assert!(shown.contains(r#"<rect class="bad" x="10" y="49" width="8" height="2">"#));
        assert!(shown.contains(r#"aria-label="Events: at most 1000 events""#));
        assert!(shown.contains("<td data-label=\"failed\">1</td>"));
    }

    #[test]
    fn without_anything_there_are_words() {
        assert!(chart(&[[0, 0]]).contains("Nothing in this time."));
        assert!(chart(&[]).contains("Nothing in this time."));
    }
}
