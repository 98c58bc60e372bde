//! `LIKE` without backtracking.

/// Whether the whole text has the pattern's form: `%` is any text, `_` any one character; letters
/// count as they are.
///
/// Each piece between two `%` is looked for once, from left to right, which finds a match if there
/// is one: the earliest place for a piece leaves the most room for the rest.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pieces: Vec<Vec<char>> = pattern.split('%').map(|piece| piece.chars().collect()).collect();
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    if pieces.len() == 1 {
        return text.len() == first.len() && fits(&text, first);
    }
    if text.len() < first.len() + last.len() || !fits(&text, first) {
        return false;
    }
    let end = text.len() - last.len();
    if !fits(&text[end..], last) {
        return false;
    }
    let mut rest = &text[first.len()..end];
    for piece in &pieces[1..pieces.len() - 1] {
        let found = (0..=rest.len()).find(|at| fits(&rest[*at..], piece));
        match found {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// Whether the text begins with the piece.
fn fits(text: &[char], piece: &[char]) -> bool {
    text.len() >= piece.len() && piece.iter().zip(text).all(|(of, at)| *of == '_' || of == at)
}
