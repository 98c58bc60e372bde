//! Names and tags are shown in web pages, so HTML tags are taken out of them.

/// The text without what looks like an HTML tag: `<`, a letter, `/` or `!`, up to the next `>`.
pub(super) fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let opens =
            tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        match tag.find('>').filter(|_| opens) {
            Some(end) => rest = &tag[end + 1..],
            None => {
                plain.push('<');
                rest = &tag[1..];
            }
        }
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_tags;

    #[test]
    fn tags_go_and_comparisons_stay() {
        let table = [
            ("a <b>bold</b> name", "a bold name"),
            ("<INSTANCE_NAME>", ""),
            ("1 < 2 > 0", "1 < 2 > 0"),
            ("<script", "<script"),
            ("<!-- x -->é", "é"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(without_tags(text), expected, "{text}");
        }
    }
}
