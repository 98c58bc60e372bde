//! Lines, torn ones too, and when a file is closed.

use std::path::Path;

use oc_config::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::*;

/// A day on which nobody writes but these tests.
const FAR: Timestamp = Timestamp(32_503_680_000_000_000);

fn parcel(id: u128, body: &'static str) -> Parcel {
    Parcel {
        organization: 1,
        instance: InstanceId(7),
        resource: "people".to_owned(),
        id: Uuid::from_u128(id),
        replay: false,
        headers: vec![("webhook-signature", "v1,abc".to_owned())],
        body: body.into(),
    }
}

fn sink(folder: &Path, rotate_bytes: u64, now: Timestamp) -> FileSink {
    let rotate_daily = now == FAR;
    let settings = FileSettings { folder: folder.to_owned(), rotate_bytes, rotate_daily };
    FileSink::new(settings, Clock::new(move || now))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_line_has_the_exact_body_whatever_it_is_and_its_headers() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(folder.path(), 1 << 20, Timestamp(0));
    sink.put(&parcel(1, "{\n \"a\": \"ü\\n\"}")).await.unwrap();
    sink.put(&parcel(2, "{}")).await.unwrap();
    let lines = lines(&folder.path().join("7.jsonl"));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["body"], "{\n \"a\": \"ü\\n\"}");
    assert_eq!(lines[0]["headers"]["webhook-signature"], "v1,abc");
    assert_eq!(lines[1]["id"], "00000000-0000-0000-0000-000000000002");
    assert_eq!(lines[1]["resource"], "people");
}

#[tokio::test]
async fn a_torn_line_is_cut_off_before_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sink) = (folder.path().join("7.jsonl"), sink(folder.path(), 1 << 20, Timestamp(0)));
    sink.put(&parcel(1, "{}")).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for torn in [vec![b'x'; 1], vec![b'x'; 200_000]] {
        std::fs::write(&path, [whole.clone(), torn].concat()).unwrap();
        sink.put(&parcel(2, "{}")).await.unwrap();
        let ids: Vec<Value> = lines(&path).iter().map(|line| line["id"].clone()).collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[1], Uuid::from_u128(2).to_string());
    }
    std::fs::write(&path, "no line at all").unwrap();
    sink.put(&parcel(3, "{}")).await.unwrap();
    assert_eq!(lines(&path).len(), 1);
}

#[tokio::test]
async fn a_long_file_is_closed_and_none_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let sink = sink(folder.path(), 200, Timestamp(0));
    for id in 1..=6 {
        sink.put(&parcel(id, "{}")).await.unwrap();
    }
    let closed = ["", "-2", "-3", "-4", "-5"].map(|more| format!("7.19700101T000000Z{more}.jsonl"));
    let mut expected: Vec<String> = closed.to_vec();
    expected.push("7.jsonl".to_owned());
    expected.sort();
    assert_eq!(names(folder.path()), expected);
    assert!(expected.iter().all(|name| lines(&folder.path().join(name)).len() == 1));
}

#[tokio::test]
async fn a_file_of_another_day_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    sink(folder.path(), 1 << 20, Timestamp(0)).put(&parcel(1, "{}")).await.unwrap();
    let later = sink(folder.path(), 1 << 20, FAR);
    later.put(&parcel(2, "{}")).await.unwrap();
    assert_eq!(names(folder.path()), ["7.30000101T000000Z.jsonl", "7.jsonl"]);
}

#[tokio::test]
async fn writers_of_one_file_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let sinks: Vec<FileSink> = (0..4).map(|_| sink(folder.path(), 2_000, Timestamp(0))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, sink) in sinks.into_iter().enumerate() {
        tasks.spawn(async move {
            for id in 0..25 {
                sink.put(&parcel(number as u128 * 100 + id, "{}")).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let names = names(folder.path());
    let count: usize = names.iter().map(|name| lines(&folder.path().join(name)).len()).sum();
    assert!(count == 100 && names.len() > 2, "{count} lines in {names:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("not-mounted");
    let refused = sink(&gone, 1 << 20, Timestamp(0)).put(&parcel(1, "{}")).await.unwrap_err();
    assert!(matches!(refused, SinkError::Unreachable(_)) && !gone.exists(), "{refused:?}");
}
