//! Rows that statements find.

use bytes::Bytes;
use postgres_types::{FromSql, Type};
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::StoreError;

/// A row that was found.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

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

impl Row<'_> {
    /// The value of a column, counted from 0.
    pub(crate) fn get<T: FromColumn>(&self, at: usize) -> Result<T, StoreError> {
        let column = self.column(at)?;
        let wrong = || format!("{column:?} is no {}", std::any::type_name::<T>());
        T::read(column).ok_or_else(|| StoreError::stored("value", wrong()))
    }

    /// What stands in a column, not copied.
    pub(crate) fn column(&self, at: usize) -> Result<Column<'_>, StoreError> {
        match self {
            Self::Sqlite(row) => Column::of(row.get_ref(at)?),
            Self::Postgres(row) => Ok(row.try_get(at)?),
        }
    }
}

impl<'r> Column<'r> {
    fn of(value: ValueRef<'r>) -> Result<Self, StoreError> {
        Ok(match value {
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

    /// The bytes of a blob.
    pub(crate) fn bytes(self) -> Option<&'r [u8]> {
        match self {
            Self::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl<'r> FromSql<'r> for Column<'r> {
    fn from_sql(
        kind: &Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Self::Blob(raw),
            _ => Self::Text(<&str>::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA, Type::TEXT, Type::NAME].contains(kind)
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
