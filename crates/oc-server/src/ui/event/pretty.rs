//! JSON as people read it: a member a line, and every value in its own spelling.

/// Levels that are set in; what is nested deeper stays there.
const DEEPEST: usize = 20;

/// Lays JSON out anew. Text that is no JSON loses blanks at most.
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                in_text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if letter.is_ascii_whitespace() => {}
            _ => out.push(letter),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn members_have_lines_and_values_keep_their_spelling() {
        let shown = pretty(r#"{"a":1.50,"b" : [ ],"c":{"d":"x,{\"}","e":[1,null]}}"#);
        let expected = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": {\n    \"d\": \"x,{\\\"}\",\n    \"e\": [\n      1,\n      null\n    ]\n  }\n}";
        assert_eq!(shown, expected);
    }

    proptest! {
        #[test]
        fn it_stays_the_same_value(text in "\\PC{0,20}", number in any::<i64>()) {
            let value = serde_json::json!({&text: [number, &text, {}], "b": [[], {"c": text}]});
            let shown: Value = serde_json::from_str(&pretty(&value.to_string())).unwrap();
            prop_assert_eq!(shown, value);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            pretty(&text);
        }
    }
}
