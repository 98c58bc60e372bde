//! What scenarios have in common: what was changed must be told once each, in order.

use std::collections::HashMap;

use anyhow::ensure;
use oc_tests::receiver::Told;
use oc_tests::salesloft::Change;
use oc_tests::{Instance, Options, Receiver, Salesloft, Server};
use serde_json::json;

/// A simulator, a receiver, a server, and an instance that polls contacts five times a second.
pub(crate) async fn house(
    options: Options,
) -> anyhow::Result<(Salesloft, Receiver, Server, Instance)> {
    let (salesloft, receiver, server) = Server::house(options).await?;
    let instance = server.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    Ok((salesloft, receiver, server, instance))
}

/// The versions of records that exist now and have changed since `from`.
pub(crate) fn changes_since(salesloft: &Salesloft, from: usize) -> Vec<Change> {
    salesloft.with(|provider| provider.world.changes[from..].to_vec())
}

/// Waits until the last version of every changed record has been told that is still there.
pub(crate) async fn until_told(
    receiver: &Receiver,
    salesloft: &Salesloft,
    from: usize,
) -> anyhow::Result<()> {
    let mut last: HashMap<u64, Change> =
        changes_since(salesloft, from).into_iter().map(|change| (change.id, change)).collect();
    salesloft.with(|provider| last.retain(|id, _| provider.world.has(*id)));
    let all_told = |receiver: &Receiver| {
        let told: std::collections::HashSet<Change> =
            receiver.told().into_iter().map(as_change).collect();
        last.values().all(|change| told.contains(change))
    };
    receiver.until(&format!("{} records", last.len()), all_told).await
}

pub(crate) fn as_change(told: Told) -> Change {
    Change { id: told.object.parse().unwrap_or(0), updated: told.updated }
}

/// No version twice, nothing that never was, and each record's versions in their order.
pub(crate) fn check_story(receiver: &Receiver, salesloft: &Salesloft) -> anyhow::Result<()> {
    ensure!(receiver.faults().is_empty(), "{:?}", receiver.faults());
    check_told(receiver.told(), salesloft)
}

/// The same of events, wherever they were told.
pub(crate) fn check_told(told: Vec<Told>, salesloft: &Salesloft) -> anyhow::Result<()> {
    let order: HashMap<Change, usize> =
        changes_since(salesloft, 0).into_iter().enumerate().map(|(at, one)| (one, at)).collect();
    let mut last: HashMap<u64, usize> = HashMap::new();
    for told in told {
        let change = as_change(told.clone());
        let Some(at) = order.get(&change) else { anyhow::bail!("{told:?} never was") };
        if let Some(before) = last.insert(change.id, *at) {
            ensure!(before < *at, "{told:?} came twice, or after a later version");
        }
    }
    Ok(())
}
