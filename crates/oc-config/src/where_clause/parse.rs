//! From tokens to a condition, by recursive descent.

use super::lex::{Kind, Token, is_keyword, tokens};
use super::{Condition, FieldName, Value};
use crate::Diagnostic;

const LONGEST: usize = 16 * 1024;
const DEEPEST: usize = 64;
const MOST_VALUES: usize = 1_000;

pub(super) fn parse(text: &str) -> Result<(Condition, Option<Diagnostic>), Diagnostic> {
    if text.len() > LONGEST {
        return Err(Diagnostic::error("", "the where text is longer than 16 KB").at(1));
    }
    let (tokens, warning) = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        Kind::End => Ok((condition, warning)),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Condition, Diagnostic> {
        let mut all = vec![self.all()?];
        while self.keyword("or") {
            all.push(self.all()?);
        }
        Ok(one_or(all, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Diagnostic> {
        let mut all = vec![self.unit()?];
        while self.keyword("and") {
            all.push(self.unit()?);
        }
        Ok(one_or(all, Condition::All))
    }

    fn unit(&mut self) -> Result<Condition, Diagnostic> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = "the where text is nested more than 64 levels deep";
            return Err(Diagnostic::error("", message).at(self.column()));
        }
        let unit = if self.keyword("not") {
            Condition::Not(Box::new(self.unit()?))
        } else if self.take(&Kind::Open) {
            let inner = self.any()?;
            self.expect(&Kind::Close, "`)`")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(unit)
    }

    /// A comparison; backticks may wrap its field or the whole of it.
    fn comparison(&mut self) -> Result<Condition, Diagnostic> {
        let mut wrapped = self.take(&Kind::Backtick);
        let mut field = self.field(wrapped)?;
        if wrapped && self.take(&Kind::Backtick) {
            wrapped = false;
        } else if wrapped {
            // A name with blanks in backticks: the words up to the closing one belong to it.
            while let Kind::Name(word) = self.peek() {
                if is_keyword(word) {
                    break;
                }
                let word = word.clone();
                if let Some(last) = field.0.last_mut() {
                    last.push(' ');
                    last.push_str(&word);
                }
                self.at += 1;
            }
            wrapped = !self.take(&Kind::Backtick);
        }
        let condition = self.rest_of_comparison(field)?;
        if wrapped {
            self.expect(&Kind::Backtick, "a closing backtick")?;
        }
        Ok(condition)
    }

    fn field(&mut self, backtick: bool) -> Result<FieldName, Diagnostic> {
        let name = match self.peek() {
            Kind::Name(name) if backtick || !is_keyword(name) => name.clone(),
            Kind::Quoted(name) if !name.is_empty() => name.clone(),
            _ => return Err(self.expected("a field, NOT or `(`")),
        };
        let names: Vec<String> = name.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(self.expected("a field whose name has no empty part"));
        }
        self.at += 1;
        Ok(FieldName(names))
    }

    fn rest_of_comparison(&mut self, field: FieldName) -> Result<Condition, Diagnostic> {
        if let Kind::Operator(operator) = *self.peek() {
            self.at += 1;
            return Ok(Condition::Compare { field, operator, value: self.value()? });
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            if !self.keyword("null") {
                return Err(self.expected("NULL"));
            }
            return Ok(Condition::Null { field, negated });
        }
        let negated = self.keyword("not");
        if self.keyword("in") {
            return Ok(Condition::In { field, values: self.values()?, negated });
        }
        if self.keyword("like") {
            let Kind::Quoted(pattern) = self.peek() else {
                return Err(self.expected("a text in single quotes"));
            };
            let pattern = pattern.clone();
            self.at += 1;
            return Ok(Condition::Like { field, pattern, negated });
        }
        Err(self.expected(if negated {
            "IN or LIKE"
        } else {
            "an operator: = != <> < <= > >= IN LIKE IS"
        }))
    }

    fn values(&mut self) -> Result<Vec<Value>, Diagnostic> {
        self.expect(&Kind::Open, "`(`")?;
        let mut values = vec![self.value()?];
        while self.take(&Kind::Comma) {
            if values.len() == MOST_VALUES {
                let message = "IN takes at most 1,000 values";
                return Err(Diagnostic::error("", message).at(self.column()));
            }
            values.push(self.value()?);
        }
        self.expect(&Kind::Close, "`,` or `)`")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, Diagnostic> {
        let value = match self.peek() {
            Kind::Quoted(text) => Value::Text(text.clone()),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Name(name) if name.eq_ignore_ascii_case("true") => Value::Bool(true),
            Kind::Name(name) if name.eq_ignore_ascii_case("false") => Value::Bool(false),
            Kind::Name(name) if name.eq_ignore_ascii_case("null") => Value::Null,
            _ => {
                return Err(self.expected("a value: 'text', a number, true, false or null"));
            }
        };
        self.at += 1;
        Ok(value)
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    fn column(&self) -> usize {
        self.tokens[self.at].column
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Kind::Name(name) if name.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.peek() == kind;
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, kind: &Kind, what: &str) -> Result<(), Diagnostic> {
        if self.take(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn expected(&self, what: &str) -> Diagnostic {
        let found = match self.peek() {
            Kind::Name(text) | Kind::Number(text) => format!("`{text}`"),
            Kind::Quoted(text) => format!("`'{text}'`"),
            Kind::Operator(operator) => format!("`{}`", operator.as_str()),
            Kind::Open => "`(`".to_owned(),
            Kind::Close => "`)`".to_owned(),
            Kind::Comma => "`,`".to_owned(),
            Kind::Backtick => "a backtick".to_owned(),
            Kind::End => "the end".to_owned(),
        };
        Diagnostic::error("", format!("{found} was found; {what} was expected")).at(self.column())
    }
}

fn one_or(mut all: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if all.len() == 1 { all.remove(0) } else { many(all) }
}
