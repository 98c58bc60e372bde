//! The commands beside `serve`: tenants, audit, schema, copies and keys.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use oc_tests::salesloft::World;
use oc_tests::{Instance, Options, Server};
use serde_json::{Value, json};

use crate::story::{check_story, house, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_work_on_the_database_itself_say_so_while_a_server_runs() -> anyhow::Result<()>
{
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let commands: [&[&str]; 4] =
        [&["user", "list"], &["audit"], &["migrate"], &["rekey", "--new-key-file", "new.key"]];
    for command in commands {
        let ran = server.run(command).await?;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("stop the server first"), "{ran:?}");
        assert!(ran.err.contains("in use by another oc-server"), "{ran:?}");
    }
    let check = server.run(&["migrate", "--check", "--json"]).await?;
    assert_eq!(check.json()?[0]["changed"], false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_commands_say_so_and_make_none() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default()).await?;
    let commands: [&[&str]; 6] = [
        &["user", "list"],
        &["audit"],
        &["migrate"],
        &["migrate", "--check"],
        &["backup", "copy.db"],
        &["rekey", "--new-key-file", "new.key"],
    ];
    let elsewhere = [("OC_DATABASE_URL", "sqlite:none.db")];
    for command in commands {
        let ran = server.run_with(command, &elsewhere).await?;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("there is no database at none.db"), "{ran:?}");
    }
    let files = std::fs::read_dir(server.folder())?.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = files.iter().map(std::fs::DirEntry::file_name).collect();
    let is_new = |name: &str| ["none", "copy", "new"].iter().any(|made| name.starts_with(made));
    assert!(!names.iter().any(|name| is_new(&name.to_string_lossy())), "{names:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself_with_an_example() -> anyhow::Result<()> {
    let (_salesloft, _receiver, server) = Server::house(Options::default().role("api")).await?;
    let commands: [&[&str]; 9] = [
        &["audit"],
        &["backup"],
        &["completions"],
        &["migrate"],
        &["rekey"],
        &["user"],
        &["user", "add"],
        &["user", "rotate"],
        &["user", "remove"],
    ];
    for command in commands {
        let help = server.run(&[command, &["--help"]].concat()).await?;
        assert_eq!(help.code, Some(0));
        assert!(help.out.contains("Example"), "{command:?}: {}", help.out);
        assert!(!help.out.contains("s3cret"), "{command:?} shows a secret of the environment");
    }
    let wrong: [&[&str]; 4] = [
        &["user", "add"],
        &["user", "rotate"],
        &["user", "rotate", "1", "--organization", "x"],
        &["backup"],
    ];
    for command in wrong {
        assert_eq!(server.run(command).await?.code, Some(2), "{command:?}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = server.run(&["completions", shell]).await?;
        assert_eq!(script.code, Some(0));
        assert!(script.out.contains("oc-server") && script.out.contains("rekey"), "{shell}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_added_listed_and_audited_and_settings_keep_the_first_ones_secrets()
-> anyhow::Result<()> {
    let (_salesloft, _receiver, mut server, instance) = house(Options::default()).await?;
    let path = format!("/instances/{}", instance.id);
    let change = json!({"name": "Renamed", "configuration": {"oauth.api.secret": "other-s3cret"}});
    let headers = [
        ("authorization", &*server.api.platform()),
        ("content-type", "application/json"),
        ("elements-request-id", "change-1"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let changed = server.api.call_with("PATCH", &path, &headers[..], Some(change.to_string()));
    assert_eq!(changed.await?.status, 200);
    server.api.delete(&path).await?;
    server.terminate().await?;
    let add = ["user", "add", "--organization", "Acme", "--email", "a@acme.example"];
    let added = server.run(&add).await?;
    let header = added.out.lines().find(|line| line.contains("Authorization: User "));
    let header = header.context("the secrets")?.trim().trim_start_matches("Authorization: ");
    assert_eq!(server.run(&add).await?.code, Some(0), "another of the same address");
    let listed = server.run(&["user", "list", "--json"]).await?.json()?;
    let shown: Vec<_> = listed.iter().map(|one| (&one["id"], &one["organization"])).collect();
    let acme = json!("Acme");
    let first = json!("First organization");
    assert_eq!(shown, [(&json!(1), &first), (&json!(2), &acme), (&json!(3), &acme)]);
    let several = server.run(&["user", "rotate", "a@acme.example"]).await?;
    assert!(several.err.contains("several users"), "{several:?}");
    let kept = server.run(&["user", "rotate", "1"]).await?;
    assert!(kept.code == Some(1) && kept.err.contains("OC_USER_SECRET"), "{kept:?}");

    let entries = server.run(&["audit", "--since", "1h", "--json"]).await?.json()?;
    let actions: Vec<&str> = entries.iter().filter_map(|one| one["action"].as_str()).collect();
    let expected = [
        "instance.created",
        "instance.changed",
        "instance.deleted",
        "organization.added",
        "user.added",
        "user.added",
    ];
    assert_eq!(actions, expected);
    assert_eq!(entries[1]["requestId"], "change-1");
    assert_eq!((&entries[1]["user"], &entries[3]["user"]), (&json!(1), &Value::Null));
    assert_eq!(entries[1]["details"]["configuration"], json!(["oauth.api.secret"]));
    assert!(!format!("{entries:?}").contains("s3cret"));
    let words = server.run(&["audit"]).await?.out;
    assert!(words.contains("instance.changed") && words.contains("operator"), "{words}");
    let none = server.run(&["audit", "--since", "2999-01-01T00:00:00Z", "--json"]).await?;
    assert!(none.json()?.is_empty());

    server.start_again().await?;
    let listed = server.api.call("GET", "/instances", header, None).await?;
    assert_eq!((listed.status, listed.body), (200, json!([])));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_serving_starts_and_goes_on_where_it_was_made() -> anyhow::Result<()> {
    let (salesloft, receiver, mut server, instance) = house(Options::default()).await?;
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    let made = server.run(&["backup", "copy.db", "--with-key", "--json"]).await?.json()?;
    assert_eq!(made[0]["key"], "copy.db.key");
    let again = server.run(&["backup", "copy.db"]).await?;
    assert!(again.code == Some(1) && again.err.contains("there already"), "{again:?}");
    let named = server.run(&["backup", "other.db"]).await?;
    assert!(named.out.contains("secret key in oc.db.key"), "{named:?}");
    // It goes on while the copy is older and older.
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    server.kill().await?;

    let folder = server.folder().to_owned();
    for name in ["oc.db-wal", "oc.db-shm", "oc.db.key"] {
        std::fs::remove_file(folder.join(name))?;
    }
    std::fs::rename(folder.join("copy.db"), folder.join("oc.db"))?;
    std::fs::rename(folder.join("copy.db.key"), folder.join("oc.db.key"))?;
    // What was told after the backup is told again, and everything after it.
    receiver.clear();
    server.start_again().await?;
    let answer = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
    assert_eq!(answer["token"], instance.answer["token"]);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 1).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_key_is_put_where_the_server_looks_for_it() -> anyhow::Result<()> {
    let (salesloft, receiver, mut server, instance) = house(Options::default()).await?;
    server.terminate().await?;
    let key = |name: &str| std::fs::read_to_string(server.folder().join(name));
    let first = key("oc.db.key")?;
    let rekey = ["rekey", "--new-key-file", "new.key", "--json"];
    let done = server.run(&rekey).await?.json()?.remove(0);
    assert!(done["values"].as_u64() >= Some(4) && done["already"] == false, "{done}");
    let former = done["formerKeyFile"].as_str().context("a name")?;
    assert_eq!((key("oc.db.key")?, key(former)?), (key("new.key")?, first.clone()));
    // A kill between the database and the file: the old key is still in its place.
    std::fs::write(server.folder().join("oc.db.key"), &first)?;
    let finished = server.run(&rekey).await?.json()?.remove(0);
    assert_eq!((&finished["already"], &finished["values"]), (&json!(true), &json!(0)));
    assert_eq!(key("oc.db.key")?, key("new.key")?);

    server.start_again().await?;
    let answer = server.api.get(&format!("/instances/{}", instance.id)).await?.body;
    assert_eq!(answer["token"], instance.answer["token"]);
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_settings_name_is_left_alone_and_its_successor_named() -> anyhow::Result<()> {
    let options = Options::default().role("api").with("OC_SECRET_KEY_FILE", "own.key");
    let (salesloft, _receiver, mut server) = Server::house(options).await?;
    let body = oc_tests::server::body(&salesloft, "https://receiver.example/", &json!({}));
    let instance = Instance::read(&server.api.post("/instances", &body).await?.body)?;
    server.terminate().await?;
    let before = std::fs::read_to_string(server.folder().join("own.key"))?;
    let same = server.run(&["rekey", "--new-key-file", "own.key"]).await?;
    assert!(same.code == Some(1) && same.err.contains("name another file"), "{same:?}");
    let done = server.run_with(&["rekey"], &[("OC_NEW_SECRET_KEY_FILE", "next.key")]).await?;
    assert!(done.out.contains("OC_SECRET_KEY_FILE=next.key"), "{done:?}");
    assert_eq!(std::fs::read_to_string(server.folder().join("own.key"))?, before);
    let late = server.run(&["user", "list"]).await?;
    assert!(late.err.contains("the secret key is not the one"), "{late:?}");
    let list = server.run_with(&["user", "list"], &[("OC_SECRET_KEY_FILE", "next.key")]).await?;
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(instance.id > 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_polled_by_hand_and_what_was_found_is_told_by_the_next_server()
-> anyhow::Result<()> {
    let (salesloft, receiver, mut server, instance) = house(Options::default()).await?;
    let path = format!("/instances/{}", instance.id);
    let number = instance.id.to_string();
    let running = server.run(&["poll", &number]).await?;
    assert!(running.code == Some(1) && running.err.contains("no server may run"), "{running:?}");
    server.terminate().await?;
    salesloft.change(World::add_person);
    let person = salesloft.with(|provider| provider.world.changes[0].id.to_string());
    for options in [&["--dry-run"][..], &["--dry-run"], &[]] {
        let poll = [&["poll", &number, "contacts", "--json"], options].concat();
        let found = server.run(&poll).await?;
        assert_eq!(found.code, Some(0), "{found:?}");
        assert_eq!(found.json()?[0]["objectId"], person, "a dry run stores nothing");
    }
    assert_eq!(server.run(&["poll", &number, "--json"]).await?.json()?.len(), 0);
    let unknown = server.run(&["poll", &number, "nothing"]).await?;
    assert!(unknown.code == Some(1) && unknown.err.contains("it polls: contacts"), "{unknown:?}");
    assert!(receiver.told().is_empty());
    server.start_again().await?;
    until_told(&receiver, &salesloft, 0).await?;
    server.api.delete(&format!("{path}/enabled")).await?;
    server.terminate().await?;
    let disabled = server.run(&["poll", &number]).await?;
    assert!(disabled.code == Some(1) && disabled.err.contains("is disabled"), "{disabled:?}");
    check_story(&receiver, &salesloft)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_checked_before_it_is_sent_and_faults_are_told_with_their_place()
-> anyhow::Result<()> {
    let (salesloft, _receiver, server) = Server::house(Options::default().role("api")).await?;
    let changes = json!({"oauth.api.secret": "********"});
    let mut body = oc_tests::server::body(&salesloft, "https://receiver.example/", &changes);
    let write = |body: &Value| std::fs::write(server.folder().join("it.json"), body.to_string());
    write(&body)?;
    let check = ["check", "it.json", "--last-poll", "2026-11-24T12:00:00Z", "--json"];
    let good = server.run(&check).await?;
    assert_eq!(good.code, Some(0), "{good:?}");
    let mask = "configuration.oauth.api.secret: it is masked, and there is no value to keep";
    assert!(good.err.contains(mask), "{good:?}");
    let shown: Value = serde_json::from_str(&good.out)?;
    let request = shown["resources"]["contacts"]["request"].as_str().unwrap_or_default();
    assert!(request.starts_with("GET ") && request.contains("updated_at"), "{shown}");
    let poller = &mut body["configuration"]["event.poller.configuration"];
    *poller =
        json!({"contacts": {"url": "/hubs/crm/contacts?where=a='${dates:yyyy}'", "idField": "id"}});
    write(&body)?;
    let faulty = server.run(&check).await?;
    assert_eq!((faulty.code, &*faulty.out), (Some(1), ""));
    assert!(faulty.err.contains("contacts.url") && faulty.err.contains("dates"), "{}", faulty.err);
    std::fs::write(server.folder().join("it.json"), "{\n  \"element\": }")?;
    let no_json = server.run(&check).await?;
    assert!(no_json.code == Some(1) && no_json.err.contains("line 2"), "{no_json:?}");
    Ok(())
}

/// Files of a folder and all below it.
fn files(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_readable_in_any_file_log_or_metric_after_all_were_used() -> anyhow::Result<()>
{
    let options = Options::default().with("OC_LOG", "trace");
    let (salesloft, receiver, mut server) = Server::house(options).await?;
    let changes = json!({
        "event.notification.basic.username": "basic", "event.notification.basic.password": "basic-s3cret",
        "event.notification.callback.headers": "X-Own: header-s3cret", "password": "password-s3cret",
    });
    let instance = server.create(&salesloft, &receiver.url("hook"), &changes).await?;
    salesloft.with(|provider| provider.accounts.expire_all());
    salesloft.change(World::add_person);
    until_told(&receiver, &salesloft, 0).await?;
    assert_eq!(server.api.hub(&instance.token, "/hubs/crm/contacts").await?.status, 200);
    let wrong = "User guess-s3cret, Organization guess-s3cret, Element guess-s3cret";
    assert_eq!(server.api.call("GET", "/instances", wrong, None).await?.status, 401);
    let query = "apiKey=other&apiSecret=query-s3cret&code=code-s3cret";
    let exchange = format!("/elements/salesloft/oauth/token?{query}");
    assert_eq!(server.api.call("GET", &exchange, "", None).await?.status, 400);
    let refused =
        json!({"configuration": {"oauth.api.secret": "refused-s3cret", "event.vendor.type": "x"}});
    let path = format!("/instances/{}", instance.id);
    assert_eq!(server.api.send("PATCH", &path, &refused).await?.status, 400);
    server.run(&["backup", "first.db"]).await?;
    let mut told = vec![server.log(), server.api.get("//metrics").await?.text];
    server.terminate().await?;
    told.push(server.log());

    let add = ["user", "add", "--organization", "Acme", "--json"];
    let added = server.run(&add).await?;
    let added_json = added.json()?.remove(0);
    let rotated = server.run(&["user", "rotate", "2", "--json"]).await?;
    let rotated_json = rotated.json()?.remove(0);
    let rekeyed = server.run(&["rekey", "--new-key-file", "new.key"]).await?;
    server.start_again().await?;
    server.run(&["backup", "second.db"]).await?;
    let made: BTreeSet<String> =
        [&added_json["userSecret"], &added_json["organizationSecret"], &rotated_json["secret"]]
            .into_iter()
            .filter_map(|secret| secret.as_str().map(str::to_owned))
            .collect();
    assert_eq!(made.len(), 3);
    let organization = added_json["organizationSecret"].as_str().unwrap_or_default();
    for user in [&added_json["userSecret"], &rotated_json["secret"]] {
        let api = server.api.as_caller(user.as_str().unwrap_or_default(), organization);
        assert_eq!(api.get("/instances").await?.status, 200);
    }
    told.extend([added.err, rotated.err, rekeyed.out, rekeyed.err]);
    told.extend([server.log(), server.api.get("//metrics").await?.text]);

    let mut secrets = made;
    let fixed = ["s3cret", "api-key", "access-", "refresh-", "code-", &instance.token];
    secrets.extend(fixed.map(str::to_owned));
    let folder = server.folder();
    let mut keys = Vec::new();
    for file in files(folder)? {
        if file.to_string_lossy().contains(".key") {
            keys.push(std::fs::read_to_string(&file)?.trim().to_owned());
        }
    }
    assert_eq!(keys.len(), 3, "the key, the one before, and the new one as it was given");
    secrets.extend(keys);
    secrets_are_nowhere(&secrets, folder, &told)
}

/// Neither in a file that is no key, nor in what was logged or printed.
fn secrets_are_nowhere(
    secrets: &BTreeSet<String>,
    folder: &Path,
    told: &[String],
) -> anyhow::Result<()> {
    for file in files(folder)? {
        let name = file.display().to_string();
        if name.contains(".key") || name.ends_with(".toml") {
            continue;
        }
        let bytes = std::fs::read(&file)?;
        for secret in secrets {
            let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_there, "`{secret}` is in {name}");
        }
    }
    for (at, text) in told.iter().enumerate() {
        for secret in secrets {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "`{secret}` is in text {at}: {line:?}");
        }
    }
    Ok(())
}
