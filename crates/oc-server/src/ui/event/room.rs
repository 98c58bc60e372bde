//! How much text of others a page still takes: records and answers may be megabytes.

use maud::{Markup, html};

/// Bytes of HTML that are left.
pub(super) struct Room(usize);

impl Room {
    /// Enough for what one looks at, and light enough for a phone.
    pub(super) fn new() -> Self {
        Self(40_000)
    }

    /// A text in a block of its own, cut where the room ends.
    pub(super) fn block(&mut self, text: &str) -> Markup {
        let shown = self.take(text);
        html! {
            pre { (shown) @if shown.len() < text.len() { "…" } }
            @if shown.len() < text.len() {
                p.soft { "Cut here; the API's answer has all of it." }
            }
        }
    }

    fn take<'t>(&mut self, text: &'t str) -> &'t str {
        let mut end = text.len();
        for (at, letter) in text.char_indices() {
            let Some(left) = self.0.checked_sub(cost(letter)) else {
                end = at;
                break;
            };
            self.0 = left;
        }
        &text[..end]
    }
}

/// What a letter takes once it is escaped.
fn cost(letter: char) -> usize {
    match letter {
        '"' => "&quot;".len(),
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        _ => letter.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_letters_where_the_room_ends() {
        let mut room = Room(10);
        assert_eq!(room.take("a\"éx"), "a\"éx");
        assert_eq!(room.take(""), "");
        assert_eq!(Room(3).take("aéé"), "aé");
        assert_eq!(Room(5).take("\"a"), "");
        assert!(room.block("x").0.contains("Cut here"));
    }
}
