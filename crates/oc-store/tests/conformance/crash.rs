//! What a crash leaves of a transaction: all of it or nothing, wherever the file was cut.

use std::fs;

use oc_config::InstanceId;
use oc_poll::Ledger;
use tempfile::TempDir;

use crate::house::{House, done, open, part, s};

/// The write-ahead log begins with a header; its frames are a header and a page each.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

#[tokio::test]
async fn a_poll_cut_short_by_a_crash_leaves_neither_its_events_nor_its_cursor() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let due = house.due(1_900).await.expect("a due resource");
    let log = house.place.path().join("oc.db-wal");
    let before = fs::read(&log).expect("a log").len();
    house.store.finish(&due, done(1_900, part(1..26))).await.expect("an outcome");
    let (file, log) = (fs::read(house.place.path().join("oc.db")), fs::read(&log));
    let (file, log) = (file.expect("a file"), log.expect("a log"));
    let frames = (before - HEADER) / FRAME..=(log.len() - HEADER) / FRAME;
    assert!(frames.clone().count() > 3, "the outcome fits into a page or two: {frames:?}");
    let mut found = Vec::new();
    for frame in frames {
        // The last write was cut somewhere, too.
        let written = &log[..log.len().min(HEADER + frame * FRAME + FRAME / 2)];
        found.push(left(&file, written, id).await);
    }
    let (last, others) = found.split_last().expect("states");
    assert!(others.iter().all(|one| *one == (s(1_000), 0)), "{found:?}");
    assert_eq!(*last, (s(1_900), 3));
}

/// The cursor, and how many notifications wait, after a start with these files.
async fn left(file: &[u8], log: &[u8], id: InstanceId) -> (oc_config::Timestamp, u64) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("oc.db"), file).expect("a file");
    fs::write(folder.path().join("oc.db-wal"), log).expect("a log");
    let store = open(&folder, 1).await.expect("a store");
    let states = store.resource_states(id).await.expect("states");
    (states[0].cursor, store.standing(s(1_900)).await.expect("a count").outbox)
}
