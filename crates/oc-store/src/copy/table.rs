//! A table that both databases have, row by row.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use crate::StoreError;
use crate::sql::{Column, Row, Sql, ToValue, Value, storable};

/// Rows that are sent at once...
const CHUNK: usize = 1_000;
/// ...unless they are as large as this.
const CHUNK_BYTES: usize = 4 << 20;
/// What only nodes that share a database have.
const OF_NODES: [&str; 5] = ["budget", "claim", "node", "receipt", "schema_version"];
/// What others refer to comes first.
const FIRST: [&str; 3] = ["organization", "user", "instance"];

pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<(String, Type)>,
    /// The column whose values the database makes.
    numbered: Option<String>,
}

#[derive(Clone, Copy)]
enum Type {
    Integer,
    Text,
    Blob,
}

/// How many rows there are and what is in them, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    rows: u64,
    contents: u64,
}

/// What stands in a column, kept.
enum Cell {
    Integer(Option<i64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

impl Table {
    /// Those of the target that hold what is stored; the source has the same ones.
    pub(super) fn all(source: &Sql, target: &Sql) -> Result<Vec<Self>, StoreError> {
        let names = "SELECT CAST(table_name AS text) FROM information_schema.tables
            WHERE table_schema = current_schema() ORDER BY 1";
        let mut names: Vec<String> = target.all(names, (), |row| row.get(0))?;
        names.retain(|name| !OF_NODES.contains(&name.as_str()));
        names
            .sort_by_key(|name| FIRST.iter().position(|first| first == name).unwrap_or(usize::MAX));
        let there = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let there: BTreeSet<String> =
            source.all(there, (), |row| row.get(0))?.into_iter().collect();
        if let Some(unknown) =
            names.iter().cloned().collect::<BTreeSet<_>>().symmetric_difference(&there).next()
        {
            return Err(StoreError::Unlike(unknown.clone()));
        }
        names.into_iter().map(|name| Self::read(source, target, name)).collect()
    }

    fn read(source: &Sql, target: &Sql, name: String) -> Result<Self, StoreError> {
        let columns =
            "SELECT CAST(column_name AS text), CAST(data_type AS text), CAST(is_identity AS text)
            FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position";
        let found = target.all(columns, [&name], |row| {
            Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?))
        })?;
        let there = "SELECT name FROM pragma_table_info(?1)";
        let there: BTreeSet<String> =
            source.all(there, [&name], |row| row.get(0))?.into_iter().collect();
        if found.iter().map(|(column, ..)| column.clone()).collect::<BTreeSet<_>>() != there {
            return Err(StoreError::Unlike(name));
        }
        let numbered = found.iter().find(|(.., is_identity)| is_identity == "YES");
        let numbered = numbered.map(|(column, ..)| column.clone());
        let typed = |(column, kind, _): (String, String, String)| match kind.as_str() {
            "bigint" => Ok((column, Type::Integer)),
            "text" => Ok((column, Type::Text)),
            "bytea" => Ok((column, Type::Blob)),
            _ => Err(StoreError::Unlike(name.clone())),
        };
        let columns = found.into_iter().map(typed).collect::<Result<_, _>>()?;
        Ok(Self { name, columns, numbered })
    }

    pub(super) fn count(&self, sql: &Sql) -> Result<u64, StoreError> {
        sql.one(&format!("SELECT count(*) FROM \"{}\"", self.name), (), |row| row.get(0))
    }

    /// Copies all rows; `told` is how many each time.
    pub(super) fn copy(
        &self,
        source: &Sql,
        target: &Sql,
        told: &mut impl FnMut(u64),
    ) -> Result<Sum, StoreError> {
        let insert = format!("INSERT INTO \"{}\" ({})", self.name, self.column_list());
        let (mut sum, mut chunk, mut bytes) = (Sum::default(), Vec::with_capacity(CHUNK), 0);
        let mut send = |chunk: &mut Vec<Vec<Cell>>| {
            let rows = chunk.len() as u64;
            target.insert_each(&insert, chunk.drain(..))?;
            told(rows);
            Ok::<_, StoreError>(())
        };
        let select = format!("SELECT {} FROM \"{}\"", self.column_list(), self.name);
        source.each(&select, (), |row| {
            let cells = self.cells(row)?;
            sum.add(&cells);
            bytes += cells.iter().map(Cell::size).sum::<usize>();
            chunk.push(cells);
            if chunk.len() >= CHUNK || bytes >= CHUNK_BYTES {
                bytes = 0;
                send(&mut chunk)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        send(&mut chunk)?;
        Ok(sum)
    }

    /// Goes on numbering where the source would, so that no number is given twice.
    pub(super) fn number_on(&self, source: &Sql, target: &Sql) -> Result<(), StoreError> {
        let Some(column) = &self.numbered else { return Ok(()) };
        let last = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
        let last: Option<i64> = source.find(last, [&self.name], |row| row.get(0))?;
        let Some(last) = last.filter(|last| *last > 0) else { return Ok(()) };
        let number_on = "SELECT setval(pg_get_serial_sequence(?1, ?2), ?3)";
        let table = format!("\"{}\"", self.name);
        let values = [table.value(), column.value(), last.value()];
        target.find(number_on, values, |_| Ok(())).map(drop)
    }

    /// What is in the target now.
    pub(super) fn sum(&self, target: &Sql, told: &mut impl FnMut(u64)) -> Result<Sum, StoreError> {
        let (name, columns) = (&self.name, self.column_list());
        // All rows at once might be too many.
        target.batch(&format!(
            "DECLARE \"all of {name}\" NO SCROLL CURSOR FOR SELECT {columns} FROM \"{name}\""
        ))?;
        let (mut sum, fetch) = (Sum::default(), format!("FETCH {CHUNK} FROM \"all of {name}\""));
        loop {
            let before = sum.rows;
            target.each(&fetch, (), |row| {
                sum.add(&self.cells(row)?);
                Ok(ControlFlow::Continue(()))
            })?;
            if sum.rows == before {
                target.batch(&format!("CLOSE \"all of {name}\""))?;
                return Ok(sum);
            }
            told(sum.rows - before);
        }
    }

    fn column_list(&self) -> String {
        let quoted = self.columns.iter().map(|(column, _)| format!("\"{column}\""));
        quoted.collect::<Vec<_>>().join(", ")
    }

    fn cells(&self, row: &Row<'_>) -> Result<Vec<Cell>, StoreError> {
        let wrong =
            || StoreError::stored("value", format!("a row of {} has another type", self.name));
        let cell = |(at, (_, kind)): (usize, &(String, Type))| {
            Cell::read(row.column(at)?, *kind).ok_or_else(wrong)
        };
        self.columns.iter().enumerate().map(cell).collect()
    }
}

impl Sum {
    fn add(&mut self, cells: &[Cell]) {
        let mut hasher = DefaultHasher::new();
        cells.iter().for_each(|cell| cell.hash(&mut hasher));
        self.rows += 1;
        self.contents = self.contents.wrapping_add(hasher.finish());
    }
}

impl Cell {
    fn read(column: Column<'_>, kind: Type) -> Option<Self> {
        Some(match (kind, column) {
            (Type::Integer, Column::Null) => Self::Integer(None),
            (Type::Text, Column::Null) => Self::Text(None),
            (Type::Blob, Column::Null) => Self::Blob(None),
            (Type::Integer, Column::Integer(number)) => Self::Integer(Some(number)),
            (Type::Text, Column::Text(text)) => Self::Text(Some(storable(text).into_owned())),
            (Type::Blob, Column::Blob(bytes)) => Self::Blob(Some(bytes.to_vec())),
            _ => return None,
        })
    }

    fn size(&self) -> usize {
        match self {
            Self::Integer(_) => 8,
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Blob(bytes) => bytes.as_ref().map_or(0, Vec::len),
        }
    }

    fn hash(&self, hasher: &mut DefaultHasher) {
        match self {
            Self::Integer(number) => number.hash(hasher),
            Self::Text(text) => text.hash(hasher),
            Self::Blob(bytes) => bytes.hash(hasher),
        }
    }
}

impl ToValue for Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text.as_deref()),
            Self::Blob(bytes) => Value::Blob(bytes.as_deref()),
        }
    }
}
