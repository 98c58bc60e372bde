//! Every form of a template, and every way to get it wrong.

use proptest::prelude::*;

use super::*;

/// 2026-11-24T03:04:05.678901Z, and a quarter of an hour later.
const AT: RenderAt =
    RenderAt { last_poll: Timestamp(1_795_489_445_678_901), now: Timestamp(1_795_490_345_000_000) };

fn lookup(name: &str) -> Option<String> {
    match name {
        "TimeZone" => Some("America/New_York".to_owned()),
        "team id" | "team" => Some("a/b c".to_owned()),
        "bad" => Some("Mars".to_owned()),
        _ => None,
    }
}

fn render(url: &str) -> String {
    UrlTemplate::parse(url).unwrap().0.render(&AT, &lookup).unwrap()
}

#[test]
fn each_form_stands_for_its_instant() {
    let table = [
        ("${date:yyyy-MM-dd'T'HH:mm:ssXXX}", "2026-11-24T03:04:05Z"),
        ("${GMTDATE:HH:mm}", "03:04"),
        ("${dateTimeZone:-8:00:HH:mm}", "19:04"),
        ("${dateTimeZone:Europe/Berlin:HH:mm xxx}", "04:04 +01:00"),
        ("${dateTimeZone:{TimeZone}:HH}", "22"),
        ("${nowTimeZone:+05:30:HH:mm}", "08:49"),
        ("${now:HH:mm}", "03:19"),
        (
            "${epoch}|${epoch:ms}|${milliseconds}|${date}",
            "1795489445678|1795489445678|1795489445678|1795489445678",
        ),
        ("${epoch:s}|${epoch:US}", "1795489445|1795489445678901"),
        ("/a/{team}/$5?x={team}", "/a/a/b c/$5?x=a/b c"),
    ];
    for (url, expected) in table {
        assert_eq!(render(url), expected, "{url}");
    }
}

#[test]
fn values_are_encoded_and_the_text_around_them_is_left_alone() {
    let (template, _) =
        UrlTemplate::parse("/x?where=m>='${dateTimeZone:+05:30:HH:mmXXX}' and t='{team}'").unwrap();
    let url = template.render_encoded(&AT, &lookup).unwrap();
    assert_eq!(url, "/x?where=m>='08%3A34%2B05%3A30' and t='a%2Fb%20c'");
}

#[test]
fn what_is_not_understood_is_refused_with_its_column_and_the_nearest_form() {
    let table = [
        ("/c?w='${518862600}'", 7, "${epoch:s}"),
        ("/c?w='${yyyy-MM-dd'T'HH:mm}'", 7, "${date:yyyy-MM-dd'T'HH:mm}"),
        ("/c?w='${tomorrow:yyyy}'", 7, "${date:yyyy-MM-dd'T'HH:mm:ssXXX}"),
        ("/c?w='${date:yyyy", 7, "${date:yyyy-MM-dd'T'HH:mm:ssXXX}"),
        ("/c?w=${epoch:0}", 14, "${epoch:ms}"),
        ("/c?w=${date:yyyy bb}", 18, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
    ];
    for (url, column, help) in table {
        let faults = UrlTemplate::parse(url).unwrap_err();
        assert_eq!(
            (faults[0].column, faults[0].help.as_deref()),
            (Some(column), Some(help)),
            "{url}"
        );
    }
}

#[test]
fn every_fault_is_told_at_once() {
    assert_eq!(UrlTemplate::parse("${a}/{b c}/${dateTimeZone:Mars:yyyy}").unwrap_err().len(), 3);
}

#[test]
fn a_value_that_is_missing_or_no_zone_is_named() {
    let fault = |url: &str| UrlTemplate::parse(url).unwrap().0.render(&AT, &lookup).unwrap_err();
    assert!(fault("/{nothing}").message.contains("`nothing`"));
    assert!(fault("/${dateTimeZone:{bad}:HH}").message.contains("`bad`"));
}

#[test]
fn the_names_a_url_needs_are_known() {
    let (template, _) = UrlTemplate::parse("/{a}?x=${dateTimeZone:{b}:HH}&y=${date}").unwrap();
    assert_eq!(template.names().collect::<Vec<_>>(), ["a", "b"]);
}

proptest! {
    #[test]
    fn no_url_panics(url in "[${}:a-zA-Z' é0-9/+-]{0,60}") {
        if let Ok((template, _)) = UrlTemplate::parse(&url) {
            let _ = template.render_encoded(&AT, &lookup);
        }
    }
}
