//! Every row of the date vectors, which java.time computed.

use std::fmt::Debug;

use oc_config::{DateMask, DateReader, Timestamp, Zone};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

fn check(row: &Value) -> Result<(), String> {
    let zone = Zone::parse(text(row, "zone")).ok_or("unknown zone")?;
    let (mask, _) = DateMask::parse(text(row, "mask")).map_err(|at| at.to_string())?;
    let instant = row["instant"]
        .as_str()
        .map(|at| OffsetDateTime::parse(at, &Rfc3339).expect("vectors hold RFC 3339"));
    if row["op"] == "format" {
        let written = mask.format(instant.ok_or("no instant")?, &zone);
        return same(&written, text(row, "text"));
    }
    let by_mask = mask.read(text(row, "text"), &zone);
    same(&by_mask, if row["by"] == "mask" { &instant } else { &None })?;
    let (reader, _) =
        DateReader::parse(Some(text(row, "mask")), zone).map_err(|at| at.to_string())?;
    same(&reader.read_text(text(row, "text")), &instant.map(Timestamp::from))
}

fn same<T: PartialEq<U> + Debug, U: Debug + ?Sized>(got: &T, want: &U) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("got {got:?}, expected {want:?}")) }
}

#[test]
fn masks_write_and_read_as_java_time_does() {
    let rows: Vec<Value> = include_str!("vectors/dates.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 600);
    let failures: Vec<String> =
        rows.iter().filter_map(|row| check(row).err().map(|why| format!("{row}: {why}"))).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
