//! Values that statements are given.

use std::rc::Rc;

use bytes::Bytes;
use rusqlite::types::{ToSqlOutput, ValueRef};
use uuid::Uuid;

/// A value of one of the three types that columns have, or a list, of which SQL makes a table. `None` is
/// NULL, and has a type too: a database may want to know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'v> {
    /// Numbers, instants and truths.
    Integer(Option<i64>),
    Text(Option<&'v str>),
    Blob(Option<&'v [u8]>),
    Texts(&'v [String]),
    Integers(&'v [i64]),
}

/// What can be given as a value.
pub(crate) trait ToValue {
    fn value(&self) -> Value<'_>;
}

/// The values of a statement, in order.
pub(crate) trait Params {
    type Values<'v>: AsRef<[Value<'v>]>
    where
        Self: 'v;

    fn values(&self) -> Self::Values<'_>;
}

/// Values of several types.
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::sql::ToValue::value(&$value)),*] };
}
pub(crate) use params;

impl<T: ToValue, const N: usize> Params for [T; N] {
    type Values<'v>
        = [Value<'v>; N]
    where
        Self: 'v;

    fn values(&self) -> Self::Values<'_> {
        self.each_ref().map(ToValue::value)
    }
}

/// How many there are is not known before the program runs.
impl<T: ToValue> Params for Vec<T> {
    type Values<'v>
        = Vec<Value<'v>>
    where
        Self: 'v;

    fn values(&self) -> Self::Values<'_> {
        self.iter().map(ToValue::value).collect()
    }
}

/// A statement without values.
impl Params for () {
    type Values<'v> = [Value<'v>; 0];

    fn values(&self) -> Self::Values<'_> {
        []
    }
}

impl ToValue for Value<'_> {
    fn value(&self) -> Value<'_> {
        *self
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: ToValue + Absent> ToValue for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, ToValue::value)
    }
}

/// The type of a value that is not there.
pub(crate) trait Absent {
    const NULL: Value<'static>;
}

impl<T: Absent + ?Sized> Absent for &T {
    const NULL: Value<'static> = T::NULL;
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl ToValue for $type {
            /// What is larger than any number a column can hold is as good as the largest.
            fn value(&self) -> Value<'_> {
                Value::Integer(Some(i64::try_from(*self).unwrap_or(i64::MAX)))
            }
        }

        impl Absent for $type {
            const NULL: Value<'static> = Value::Integer(None);
        }
    )* };
}
integers!(bool, u16, u32, i64, u64, usize);

impl ToValue for str {
    fn value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl Absent for str {
    const NULL: Value<'static> = Value::Text(None);
}

impl ToValue for String {
    fn value(&self) -> Value<'_> {
        self.as_str().value()
    }
}

impl Absent for String {
    const NULL: Value<'static> = Value::Text(None);
}

impl ToValue for [String] {
    fn value(&self) -> Value<'_> {
        Value::Texts(self)
    }
}

impl ToValue for [i64] {
    fn value(&self) -> Value<'_> {
        Value::Integers(self)
    }
}

impl ToValue for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Blob(Some(self))
    }
}

impl Absent for [u8] {
    const NULL: Value<'static> = Value::Blob(None);
}

impl ToValue for Vec<u8> {
    fn value(&self) -> Value<'_> {
        self.as_slice().value()
    }
}

impl ToValue for Bytes {
    fn value(&self) -> Value<'_> {
        self[..].value()
    }
}

impl Absent for Bytes {
    const NULL: Value<'static> = Value::Blob(None);
}

impl ToValue for Uuid {
    fn value(&self) -> Value<'_> {
        self.as_bytes().as_slice().value()
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Integer(Some(number)) => ValueRef::Integer(number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Blob(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Integer(None) | Self::Text(None) | Self::Blob(None) => ValueRef::Null,
            Self::Texts(texts) => {
                return Ok(list(texts.iter().cloned().map(rusqlite::types::Value::Text)));
            }
            Self::Integers(numbers) => {
                return Ok(list(numbers.iter().copied().map(rusqlite::types::Value::Integer)));
            }
        }))
    }
}

/// Under the name by which `rarray` knows its lists.
fn list(values: impl Iterator<Item = rusqlite::types::Value>) -> ToSqlOutput<'static> {
    ToSqlOutput::from_rc(Rc::new(values.collect::<Vec<_>>()), c"rarray")
}
