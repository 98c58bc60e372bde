//! Rows that statements find.

use bytes::Bytes;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::StoreError;

/// A row that was found.
pub(crate) struct Row<'r>(&'r rusqlite::Row<'r>);

/// What stands in a column of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column<'r> {
    Null,
    /// Numbers, instants and truths.
    Integer(i64),
    Text(&'r str),
    Blob(&'r [u8]),
}

/// What can be read from a column.
pub(crate) trait FromColumn: Sized {
    /// The value, when the column can have it.
    fn read(column: Column<'_>) -> Option<Self>;
}

impl<'r> Row<'r> {
    pub(super) fn new(row: &'r rusqlite::Row<'r>) -> Self {
        Self(row)
    }

    /// The value of a column, counted from 0.
    pub(crate) fn get<T: FromColumn>(&self, at: usize) -> Result<T, StoreError> {
        let column = self.column(at)?;
        let wrong = || format!("{column:?} is no {}", std::any::type_name::<T>());
        T::read(column).ok_or_else(|| StoreError::stored("value", wrong()))
    }

    /// What stands in a column, not copied.
    pub(crate) fn column(&self, at: usize) -> Result<Column<'_>, StoreError> {
        Ok(match self.0.get_ref(at)? {
            ValueRef::Null => Column::Null,
            ValueRef::Integer(number) => Column::Integer(number),
            ValueRef::Text(text) => Column::Text(
                std::str::from_utf8(text).map_err(|error| StoreError::stored("text", error))?,
            ),
            ValueRef::Blob(bytes) => Column::Blob(bytes),
            ValueRef::Real(number) => {
                return Err(StoreError::stored("value", format!("{number} is no integer")));
            }
        })
    }
}

impl<'r> Column<'r> {
    /// The bytes of a blob.
    pub(crate) fn bytes(self) -> Option<&'r [u8]> {
        match self {
            Self::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn read(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Null => Some(None),
            other => T::read(other).map(Some),
        }
    }
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl FromColumn for $type {
            fn read(column: Column<'_>) -> Option<Self> {
                match column {
                    Column::Integer(number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    )* };
}
integers!(u16, u32, i64, u64, usize);

impl FromColumn for bool {
    fn read(column: Column<'_>) -> Option<Self> {
        i64::read(column).map(|number| number != 0)
    }
}

impl FromColumn for String {
    fn read(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    fn read(column: Column<'_>) -> Option<Self> {
        column.bytes().map(<[u8]>::to_vec)
    }
}

impl FromColumn for Bytes {
    fn read(column: Column<'_>) -> Option<Self> {
        column.bytes().map(Self::copy_from_slice)
    }
}

impl FromColumn for Uuid {
    fn read(column: Column<'_>) -> Option<Self> {
        Self::from_slice(column.bytes()?).ok()
    }
}
