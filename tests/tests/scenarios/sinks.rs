//! Notifications in files, streams and tables: nothing is lost and nothing is there twice with another
//! id, whatever ends meanwhile.

mod places;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::ensure;
use oc_config::SignatureKey;
use oc_tests::receiver::{Told, events_in};
use oc_tests::salesloft::Change;
use oc_tests::server::SIGNATURE_KEY;
use oc_tests::{Instance, Nats, Options, Postgres, Salesloft, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::story::{as_change, changes_since, check_told};
use places::{Place, Taken};

/// A server with one sink, `place`, and repeats every second.
async fn house(sink: &str) -> anyhow::Result<(Salesloft, Server)> {
    let salesloft = Salesloft::start().await?;
    let schedule: Vec<String> = (1..120).map(|second| format!("{second}s")).collect();
    let options = Options::default()
        .with("OC_RETRY_SCHEDULE", &schedule.join(","))
        .file(&format!("[sinks.place]\norganizations = \"all\"\n{sink}"));
    let server = Server::start(&salesloft, options).await?;
    Ok((salesloft, server))
}

async fn with_sink(server: &Server, salesloft: &Salesloft) -> anyhow::Result<Instance> {
    let keys = json!({"event.notification.callback.url": null, "event.notification.sink": "place"});
    server.create(salesloft, "", &keys).await
}

fn change_all(salesloft: &Salesloft) {
    salesloft.change(|world, now| {
        let known: HashSet<u64> = world.changes.iter().map(|change| change.id).collect();
        for id in known {
            world.touch_person(id, now);
        }
        for _ in 0..12 {
            world.add_person(now);
        }
    });
}

/// Waits until the last version of every record is in the place, and holds it to the rest.
async fn until_taken(place: &impl Place, salesloft: &Salesloft) -> anyhow::Result<Vec<Taken>> {
    let changes = changes_since(salesloft, 0).into_iter();
    let last: HashMap<u64, Change> = changes.map(|change| (change.id, change)).collect();
    let waiting = async {
        loop {
            let taken = place.read().await?;
            let told: HashSet<Change> = told(&taken).into_iter().map(as_change).collect();
            if last.values().all(|change| told.contains(change)) {
                return anyhow::Ok(taken);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(60), waiting).await??;
    check_told(told(&taken), salesloft)?;
    let keys = [SignatureKey::parse(SIGNATURE_KEY).map_err(anyhow::Error::msg)?];
    for one in &taken {
        let expected = oc_dispatch::signature::elements(&keys, &one.body);
        ensure!(Some(&one.signature) == expected.as_ref(), "{}: a wrong signature", one.id);
        let body: Value = serde_json::from_slice(&one.body)?;
        ensure!(body["message"]["eventId"] == one.id.as_str(), "{}: another body", one.id);
    }
    Ok(taken)
}

/// The events, each notification once.
fn told(taken: &[Taken]) -> Vec<Told> {
    let mut seen = HashSet::new();
    let first = taken.iter().filter(|one| seen.insert(&one.id));
    let bodies = first.map(|one| serde_json::from_slice::<Value>(&one.body).unwrap_or_default());
    bodies.flat_map(|body| events_in(&body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_each_notification_once_though_server_and_database_end_meanwhile()
-> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let url = postgres.database().await?;
    let sink = format!("kind = \"postgres\"\nurl = \"{url}\"\ncreate_table = true");
    let (salesloft, mut server) = house(&sink).await?;
    let instance = with_sink(&server, &salesloft).await?;
    let table = places::Table { postgres, url };
    change_all(&salesloft);
    until_taken(&table, &salesloft).await?;
    table.postgres.stop().await?;
    change_all(&salesloft);
    places::until_refused(&server, instance.id).await?;
    table.postgres.start_again().await?;
    server.kill().await?;
    server.start_again().await?;
    change_all(&salesloft);
    table.postgres.crash().await?;
    change_all(&salesloft);
    table.postgres.start_again().await?;
    let taken = until_taken(&table, &salesloft).await?;
    let ids: HashSet<&String> = taken.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), taken.len());
    let shown = table.query("SELECT count(*) FROM open_connectors_notification WHERE body IS NULL");
    assert_eq!(shown.await?, "0");
    let path = format!("/instances/{}/events?status=NOTIFIED", instance.id);
    let events = server.api.get(&path).await?.body;
    assert_eq!(events[0]["notifiedData"][0]["url"], "sink:place", "{events}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_jsonb_holds_is_kept_as_bytes() -> anyhow::Result<()> {
    let postgres = Postgres::shared().await?;
    let url = postgres.database().await?;
    let sink = format!("kind = \"postgres\"\nurl = \"{url}\"\ncreate_table = true");
    let (salesloft, server) = house(&sink).await?;
    with_sink(&server, &salesloft).await?;
    salesloft.change(|world, now| {
        let id = world.add_person(now);
        let title = json!({"title": "a\u{0}b"});
        world.update("people", id, now + 1, title.as_object().unwrap());
    });
    let table = places::Table { postgres, url };
    until_taken(&table, &salesloft).await?;
    let shown = "SELECT count(*) FROM open_connectors_notification WHERE body IS NULL";
    assert_eq!(table.query(shown).await?, "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_each_notification_once_though_its_nodes_are_killed() -> anyhow::Result<()> {
    let nats = Nats::cluster(3).await?;
    let sink = format!("kind = \"nats\"\nurl = \"{}\"\nsubject = \"crm.{{resource}}\"", nats.url());
    let (salesloft, mut server) = house(&sink).await?;
    let stream = places::Stream::make(&nats, "crm.contacts").await?;
    let instance = with_sink(&server, &salesloft).await?;
    change_all(&salesloft);
    until_taken(&stream, &salesloft).await?;
    // One node is missed by nobody.
    nats.kill(0).await?;
    change_all(&salesloft);
    until_taken(&stream, &salesloft).await?;
    // Without a majority nothing is stored, and so nothing counts as delivered.
    nats.kill(1).await?;
    change_all(&salesloft);
    places::until_refused(&server, instance.id).await?;
    server.kill().await?;
    server.start_again().await?;
    change_all(&salesloft);
    nats.start_both_again([0, 1]).await?;
    let taken = until_taken(&stream, &salesloft).await?;
    let ids: HashSet<&String> = taken.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), taken.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_every_notification_over_kills_and_a_torn_line() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let sink =
        format!("kind = \"file\"\nfolder = \"{}\"\nrotate_bytes = 100000", folder.path().display());
    let (salesloft, mut server) = house(&sink).await?;
    let instance = with_sink(&server, &salesloft).await?;
    let lines = places::Lines { folder, instance: instance.id };
    for _ in 0..3 {
        change_all(&salesloft);
        until_taken(&lines, &salesloft).await?;
        change_all(&salesloft);
        server.kill().await?;
        lines.tear()?;
        server.start_again().await?;
    }
    until_taken(&lines, &salesloft).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_be_used_is_refused_before_anything_is_created() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let sinks = format!(
        "[sinks.place]\nkind = \"file\"\norganizations = \"all\"\nfolder = \"{0}\"\n\
         [sinks.other]\nkind = \"file\"\norganizations = [4711]\nfolder = \"{0}\"\n",
        folder.path().display()
    );
    let salesloft = Salesloft::start().await?;
    let server = Server::start(&salesloft, Options::default().file(&sinks)).await?;
    let key = "event.notification.sink";
    for name in ["none", "other"] {
        let keys = json!({"event.notification.callback.url": null, key: name});
        let refused = server.create(&salesloft, "", &keys).await.unwrap_err().to_string();
        let expected = format!("there is no sink `{name}` to be used; there are: place");
        assert!(refused.contains("400") && refused.contains(&expected), "{refused}");
    }
    let both = server.create(&salesloft, "http://127.0.0.1:1/", &json!({key: "place"})).await;
    assert!(both.unwrap_err().to_string().contains("notifications go to one place"));
    let request = server.folder().join("request.json");
    std::fs::write(&request, json!({"configuration": {key: "none"}}).to_string())?;
    let ran = server.run(&["check", "request.json"]).await?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(format!("{ran:?}").contains("there are: other, place"), "{ran:?}");
    std::fs::write(server.folder().join("oc.toml"), "[sinks.x]\nkind = \"kafka\"")?;
    let ran = server.run(&["serve", "--check"]).await?;
    assert!(ran.code == Some(2) && ran.err.contains("oc.toml [sinks.x]: "), "{ran:?}");
    Ok(())
}
