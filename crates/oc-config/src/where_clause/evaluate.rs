//! Whether a record fulfils a condition.

use std::cmp::Ordering;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::{Condition, FieldName, Operator, Value, like::like};
use crate::{DateReader, Zone};

static INSTANTS: LazyLock<DateReader> = LazyLock::new(|| DateReader::any(Zone::gmt()));

pub(super) fn matches(condition: &Condition, record: &Json) -> bool {
    match condition {
        Condition::Any(all) => all.iter().any(|one| matches(one, record)),
        Condition::All(all) => all.iter().all(|one| matches(one, record)),
        Condition::Not(inner) => !matches(inner, record),
        Condition::Compare { field, operator, value } => match operator {
            Operator::NotEqual => !any(field, record, |found| holds(found, Operator::Equal, value)),
            _ => any(field, record, |found| holds(found, *operator, value)),
        },
        Condition::In { field, values, negated } => {
            let equals = |found: &Json| values.iter().any(|one| holds(found, Operator::Equal, one));
            any(field, record, equals) != *negated
        }
        Condition::Like { field, pattern, negated } => {
            let fits = |found: &Json| match found {
                Json::String(text) => like(text, pattern),
                Json::Number(number) => like(&number.to_string(), pattern),
                _ => false,
            };
            any(field, record, fits) != *negated
        }
        Condition::Null { field, negated } => select(field, record).is_null() != *negated,
    }
}

/// Whether the field, or one element of the array it is, passes the test.
fn any(field: &FieldName, record: &Json, test: impl Fn(&Json) -> bool) -> bool {
    match select(field, record) {
        Json::Array(elements) => elements.iter().any(test),
        found => test(found),
    }
}

fn select<'r>(field: &FieldName, record: &'r Json) -> &'r Json {
    let found = field.0.iter().try_fold(record, |value, name| value.get(name));
    // A member may have dots in its name.
    found.or_else(|| record.get(field.0.join("."))).unwrap_or(&Json::Null)
}

fn holds(found: &Json, operator: Operator, value: &Value) -> bool {
    if found.is_null() || *value == Value::Null {
        return operator == Operator::Equal && found.is_null() && *value == Value::Null;
    }
    compare(found, value).is_some_and(|ordering| match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
    })
}

fn compare(found: &Json, value: &Value) -> Option<Ordering> {
    match (found, value) {
        (Json::Bool(found), Value::Bool(value)) => Some(found.cmp(value)),
        (Json::Bool(found), Value::Text(value)) => {
            Some(found.cmp(&value.to_ascii_lowercase().parse().ok()?))
        }
        (Json::String(found), Value::Bool(value)) => {
            Some(found.to_ascii_lowercase().parse::<bool>().ok()?.cmp(value))
        }
        (Json::Number(found), Value::Number(value) | Value::Text(value)) => {
            numbers(&found.to_string(), value)
        }
        (Json::String(found), Value::Number(value)) => numbers(found, value),
        (Json::String(found), Value::Text(value)) => Some(texts(found, value)),
        _ => None,
    }
}

fn texts(found: &str, value: &str) -> Ordering {
    let dated = |text: &str| text.len() >= 10 && text.as_bytes()[4] == b'-';
    if dated(found)
        && dated(value)
        && let (Some(found), Some(value)) = (INSTANTS.read_text(found), INSTANTS.read_text(value))
    {
        return found.cmp(&value);
    }
    found.cmp(value)
}

/// Whole numbers exactly, others as the nearest double.
fn numbers(found: &str, value: &str) -> Option<Ordering> {
    if let (Ok(found), Ok(value)) = (found.parse::<i128>(), value.parse::<i128>()) {
        return Some(found.cmp(&value));
    }
    found.trim().parse::<f64>().ok()?.partial_cmp(&value.trim().parse::<f64>().ok()?)
}
