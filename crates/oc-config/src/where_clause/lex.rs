//! From text to tokens, each with its column.

use crate::Diagnostic;

use super::Operator;

/// A token and where it begins, counted in characters from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// What stood in single quotes.
    Quoted(String),
    Number(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
    Backtick,
    End,
}

const KEYWORDS: [&str; 9] = ["and", "or", "not", "in", "like", "is", "null", "true", "false"];

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(name))
}

pub(super) fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || "_-$@:".contains(letter)
}

/// The tokens, closed by an `End`, and a warning about a quote too many at the end.
pub(super) fn tokens(text: &str) -> Result<(Vec<Token>, Option<Diagnostic>), Diagnostic> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut warning, mut at) = (Vec::new(), None, 0);
    while let Some(&letter) = chars.get(at) {
        let column = at + 1;
        let (kind, length) = match letter {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '`' => (Kind::Backtick, 1),
            '\'' => {
                let (text, length, stray) = quoted(&chars[at..]).ok_or_else(|| {
                    let message = "the text that begins here is not closed; a `'` was expected";
                    Diagnostic::error("", message).at(column)
                })?;
                if stray {
                    let message = "one quote too many at the end; read without it";
                    warning = Some(Diagnostic::warning("", message).at(chars.len()));
                }
                (Kind::Quoted(text), length)
            }
            '=' | '!' | '<' | '>' => operator(&chars[at..], column)?,
            c if c.is_ascii_digit() || "+-.".contains(c) && digit_follows(&chars[at + 1..]) => {
                number_or_name(&chars[at..])
            }
            c if is_name_letter(c) => name(&chars[at..]),
            other => {
                let message =
                    format!("`{other}` was found; a field, a value or a keyword was expected");
                return Err(Diagnostic::error("", message).at(column));
            }
        };
        tokens.push(Token { kind, column });
        at += length;
    }
    tokens.push(Token { kind: Kind::End, column: chars.len() + 1 });
    Ok((tokens, warning))
}

/// A text in quotes, its length with them, and whether one quote too many closes the input.
fn quoted(chars: &[char]) -> Option<(String, usize, bool)> {
    let mut text = String::new();
    let mut at = 1;
    while let Some(&letter) = chars.get(at) {
        match (letter, chars.get(at + 1)) {
            ('\'', Some('\'')) if chars.len() == at + 2 => return Some((text, at + 2, true)),
            ('\'', Some('\'')) => {
                text.push('\'');
                at += 2;
            }
            ('\'', _) => return Some((text, at + 1, false)),
            _ => {
                text.push(letter);
                at += 1;
            }
        }
    }
    None
}

fn operator(chars: &[char], column: usize) -> Result<(Kind, usize), Diagnostic> {
    let (operator, length) = match (chars[0], chars.get(1)) {
        ('=', Some('=')) => (Operator::Equal, 2),
        ('=', _) => (Operator::Equal, 1),
        ('!', Some('=')) | ('<', Some('>')) => (Operator::NotEqual, 2),
        ('<', Some('=')) => (Operator::LessOrEqual, 2),
        ('<', _) => (Operator::Less, 1),
        ('>', Some('=')) => (Operator::GreaterOrEqual, 2),
        ('>', _) => (Operator::Greater, 1),
        _ => {
            let message = "`!` was found; one of = != <> < <= > >= was expected";
            return Err(Diagnostic::error("", message).at(column));
        }
    };
    Ok((Kind::Operator(operator), length))
}

fn digit_follows(chars: &[char]) -> bool {
    chars.iter().find(|c| **c != '.').is_some_and(char::is_ascii_digit)
}

/// A number; or a name, when letters follow its digits as in `2nd_owner`.
fn number_or_name(chars: &[char]) -> (Kind, usize) {
    let mut length = 1;
    while let Some(&letter) = chars.get(length) {
        let exponent = matches!(chars[length - 1], 'e' | 'E') && matches!(letter, '+' | '-');
        if !letter.is_ascii_digit() && letter != '.' && !matches!(letter, 'e' | 'E') && !exponent {
            break;
        }
        length += 1;
    }
    let text: String = chars[..length].iter().collect();
    if text.parse::<f64>().is_ok() && !chars.get(length).is_some_and(|c| is_name_letter(*c)) {
        return (Kind::Number(text), length);
    }
    name(chars)
}

/// A name, dots included; at least one letter.
fn name(chars: &[char]) -> (Kind, usize) {
    let part = |c: &&char| is_name_letter(**c) || **c == '.';
    let length = chars.iter().take_while(part).count().max(1);
    (Kind::Name(chars[..length].iter().collect()), length)
}
