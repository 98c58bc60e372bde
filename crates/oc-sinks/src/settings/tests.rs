//! What operators write, and what they are told when it is wrong.

use super::*;

fn read(text: &str) -> Result<SinkTable, Vec<String>> {
    let mut table: Table = toml::from_str(text).unwrap();
    SinkTable::read(table.remove("sinks").unwrap())
}

#[test]
fn all_kinds_are_read_with_their_defaults() {
    let sinks = read(
        r#"
        [sinks.lines]
        kind = "file"
        organizations = "all"
        folder = "/var/lib/events"
        [sinks.bus]
        kind = "nats"
        organizations = [1, 2]
        url = "tls://user:s3cret@one:4222,tls://two"
        [sinks.rows]
        kind = "postgres"
        organizations = [2]
        url = "postgres://user:s3cret@host/events?sslmode=require"
        table = "feed.notifications"
        create_table = true
        "#,
    )
    .unwrap();
    let shown = format!("{sinks:?}");
    assert!(shown.contains("134217728") && shown.contains("rotate_daily: true"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(sinks.refusal("bus", Some(2)), None);
    assert_eq!(sinks.refusal("rows", None), None);
    assert_eq!(
        sinks.refusal("rows", Some(1)).unwrap(),
        "there is no sink `rows` to be used; there are: bus, lines"
    );
    assert!(SinkTable::default().refusal("x", None).unwrap().contains("there are none"));
}

#[test]
fn every_mistake_is_told_with_its_sink_and_without_secrets() {
    let fault = |body: &str| read(&format!("[sinks.x]\n{body}")).unwrap_err().join("\n");
    let all = "organizations = \"all\"\n";
    let cases = [
        ("kind = \"file\"\nfolder = \"/x\"", "organizations: \"all\" or a list"),
        ("kind = \"file\"\nfolder = \"/x\"\norganizations = \"some\"", "\"all\" or a list"),
        (&format!("{all}kind = \"kafka\""), "kind: file, nats or postgres was expected"),
        (&format!("{all}folder = \"/x\""), "kind: file, nats or postgres was expected"),
        (&format!("{all}kind = \"file\""), "missing field `folder`"),
        (&format!("{all}kind = \"file\"\nfolder = \"/x\"\nsize = 1"), "unknown field `size`"),
        (&format!("{all}kind = \"nats\""), "url or url_file: a url as nats://"),
        (&format!("{all}kind = \"nats\"\nurl = \"http://u:s3cret@x\""), "url: it cannot be read"),
        (&format!("{all}kind = \"nats\"\nurl_file = \"/none\""), "url_file: /none: "),
        (
            &format!("{all}kind = \"nats\"\nurl = \"nats://x\"\nsubject = \"a.{{who}}\""),
            "`{who}` is none of {organization}, {instance} and {resource}",
        ),
        (&format!("{all}kind = \"postgres\"\nurl = \"s3cret\""), "url: it cannot be read"),
        (
            &format!("{all}kind = \"postgres\"\nurl = \"postgres://x/y\"\ntable = \"a;b\""),
            "a table's name",
        ),
    ];
    for (body, expected) in cases {
        let told = fault(body);
        assert!(told.starts_with("[sinks.x]: ") && told.contains(expected), "{body}: {told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
    assert!(read("[sinks.\"a b\"]\n").unwrap_err()[0].contains("a name of at most 64"));
}

#[test]
fn a_url_may_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "nats://127.0.0.1:4222\n").unwrap();
    let path = file.path().display();
    let text = format!("[sinks.x]\nkind=\"nats\"\norganizations=\"all\"\nurl_file=\"{path}\"");
    read(&text).unwrap();
    let both = format!("{text}\nurl=\"nats://x\"");
    assert!(read(&both).unwrap_err()[0].contains("not both"));
}
