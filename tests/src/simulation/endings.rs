//! What must hold of deletions: none is told of what never went, none twice, none is kept back.

use std::collections::{HashMap, HashSet};

use anyhow::ensure;

use super::story::Told;
use crate::Salesloft;

/// What must hold at any moment: between two ends of a record lies its return as CREATED, and it
/// has gone as often as it is told to have.
pub(super) fn check(told: &[Told], salesloft: &Salesloft) -> anyhow::Result<()> {
    let mut gone: HashMap<u64, usize> = HashMap::new();
    salesloft.with(|provider| {
        provider.world.deletions.iter().for_each(|id| *gone.entry(*id).or_default() += 1);
    });
    let mut ended: HashSet<(&str, u64)> = HashSet::new();
    let mut ends: HashMap<(&str, u64), usize> = HashMap::new();
    for one in told {
        let record = (one.path.as_str(), one.change.id);
        if one.kind == "DELETED" {
            ensure!(ended.insert(record), "{record:?} was told as deleted twice");
            let told = ends.entry(record).or_default();
            *told += 1;
            let gone = gone.get(&record.1).copied().unwrap_or(0);
            ensure!(*told <= gone, "{record:?} was told as deleted, and had not gone");
        } else if ended.remove(&record) {
            ensure!(one.kind == "CREATED", "{record:?} came back as {}", one.kind);
        }
    }
    Ok(())
}

/// What was there from the beginning and never went is told as CREATED first, unless it was hidden
/// more than once by changes that showed late: then nobody may have seen it before.
pub(super) fn check_beginnings(
    told: &[Told],
    old: &HashSet<u64>,
    salesloft: &Salesloft,
) -> anyhow::Result<()> {
    let unseen: HashSet<u64> = salesloft.with(|provider| {
        let hidden = provider.world.late.iter().filter(|(_, times)| **times > 1);
        hidden.map(|(id, _)| *id).chain(provider.world.deletions.iter().copied()).collect()
    });
    let mut known: HashSet<(&str, u64)> = HashSet::new();
    for one in told.iter().filter(|one| old.contains(&one.change.id)) {
        let record = (one.path.as_str(), one.change.id);
        let is_first = known.insert(record) && !unseen.contains(&record.1);
        ensure!(!is_first || one.kind == "CREATED", "{record:?} began as {}", one.kind);
    }
    Ok(())
}

/// What must hold when everything has come to rest: whoever was told of a record that has gone was
/// told that it has.
pub(super) fn check_whole(told: &[Told], salesloft: &Salesloft) -> anyhow::Result<()> {
    let there: HashSet<u64> =
        salesloft.with(|provider| provider.world.ids("people").into_iter().collect());
    let mut last: HashMap<(&str, u64), &str> = HashMap::new();
    for one in told {
        last.insert((one.path.as_str(), one.change.id), &one.kind);
    }
    for (record, kind) in last {
        let is_there = there.contains(&record.1);
        ensure!(is_there || kind == "DELETED", "{record:?} has gone, and nobody was told");
        ensure!(!is_there || kind != "DELETED", "{record:?} is there, and was told to have gone");
    }
    Ok(())
}
