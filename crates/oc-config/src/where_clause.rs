//! The `where` language: SQL-like conditions on records (hub.md, "where").

mod evaluate;
mod lex;
mod like;
mod parse;

use std::fmt;

use serde_json::Value as Json;

use crate::Diagnostic;

/// A condition on records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Any of them holds.
    Any(Vec<Condition>),
    /// All of them hold.
    All(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field compared with a value.
    Compare {
        /// Which field.
        field: FieldName,
        /// How.
        operator: Operator,
        /// With what.
        value: Value,
    },
    /// `field [NOT] IN (...)`.
    In {
        /// Which field.
        field: FieldName,
        /// The values, never none.
        values: Vec<Value>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `field [NOT] LIKE '...'`; `%` stands for any text, `_` for one character.
    Like {
        /// Which field.
        field: FieldName,
        /// With its wildcards.
        pattern: String,
        /// `NOT LIKE`.
        negated: bool,
    },
    /// `field IS [NOT] NULL`.
    Null {
        /// Which field.
        field: FieldName,
        /// `IS NOT NULL`.
        negated: bool,
    },
}

/// A field's name, `.` between the members it goes through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldName(pub Vec<String>);

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `'text'`
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

impl Condition {
    /// Reads a `where` text. One quote too many at the very end, as in a published sample, is
    /// left out with a warning.
    ///
    /// # Errors
    /// The first fault with its column, what was found and what was expected; more than 16 KB of
    /// text, 64 levels or 1,000 values.
    pub fn parse(text: &str) -> Result<(Self, Option<Diagnostic>), Diagnostic> {
        parse::parse(text)
    }

    /// Whether a record fulfils the condition.
    ///
    /// A missing field is null. Null equals only null and is neither less nor greater than
    /// anything. Two RFC 3339 texts are compared as instants, a number with a number in quotes as
    /// numbers. An array fulfils a comparison when one of its elements does.
    pub fn matches(&self, record: &Json) -> bool {
        evaluate::matches(self, record)
    }

    /// The conditions that must all hold: those of an `AND` at the top, else this one.
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::All(all) => all,
            one => std::slice::from_ref(one),
        }
    }
}

impl Operator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Self::Any(all) => joined(f, all, " OR "),
            Self::All(all) => joined(f, all, " AND "),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
            Self::Compare { field, operator, value } => {
                write!(f, "{field} {} {value}", operator.as_str())
            }
            Self::In { field, values, negated } => {
                write!(f, "{field} {}IN (", not(negated))?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Like { field, pattern, negated } => {
                write!(f, "{field} {}LIKE {}", not(negated), Value::Text(pattern.clone()))
            }
            Self::Null { field, negated } => write!(f, "{field} IS {}NULL", not(negated)),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, all: &[Condition], by: &str) -> fmt::Result {
    for (at, one) in all.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { by })?;
        match one {
            Condition::Any(_) | Condition::All(_) => write!(f, "({one})")?,
            _ => write!(f, "{one}")?,
        }
    }
    Ok(())
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |name: &String| {
            !name.is_empty() && !lex::is_keyword(name) && name.chars().all(lex::is_name_letter)
        };
        let name = self.0.join(".");
        let number = name.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if self.0.iter().all(plain) && !number { f.write_str(&name) } else { write!(f, "`{name}`") }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Number(number) => f.write_str(number),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests;
