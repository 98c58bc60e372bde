//! Parsing takes time in proportion to its text: hostile texts of half a megabyte are done in a moment.
//!
//! Nothing is measured. Whatever needs more than a few steps a character would need hours for these
//! texts, and ends the test by its deadline.

use std::sync::mpsc;
use std::time::Duration;

use oc_config::{
    Condition, Connector, DateMask, DateReader, FieldPath, HubCall, InstanceRequest,
    PollerConfiguration, UrlTemplate, Zone, convert_legacy_urls,
};
use serde_json::json;

const LENGTH: usize = 1 << 19;
const DEADLINE: Duration = Duration::from_secs(60);

/// Pieces that, repeated, make parsers look ahead, go back, nest, or begin anew.
const PIECES: [&str; 18] = [
    "${",
    "${date:",
    "${date:yyyy}",
    "{",
    "{a}",
    "'",
    "''",
    "%",
    "&",
    "&where=",
    "(",
    "not ",
    "a.",
    "[0]",
    "['",
    "y",
    "|",
    "a and ",
];

fn within_time(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        work();
        // The test may have given up.
        let _ = done.send(());
    });
    assert!(ended.recv_timeout(DEADLINE).is_ok(), "{what} takes too long");
}

#[test]
fn every_parser_is_done_with_half_a_megabyte_in_a_moment() {
    for piece in PIECES {
        let text = piece.repeat(LENGTH / piece.len());
        within_time(&format!("a parser, with `{piece}`"), move || {
            let _ = UrlTemplate::parse(&text);
            let _ = DateMask::parse(&text);
            let _ = Condition::parse(&text);
            let _ = FieldPath::parse(&text);
            let _ = HubCall::parse(&format!("/contacts?where={text}"));
            let _ = Zone::parse(&text);
            let _ = convert_legacy_urls(&text, &json!({}));
            let _ = Connector::parse(&text);
            let _ = InstanceRequest::parse(text.as_bytes());
            DateReader::any(Zone::gmt()).read_text(&text);
            let poller = json!({"contacts": {"url": format!("/contacts?{text}"), "idField": "id"}});
            PollerConfiguration::read(&poller, &|_| None);
        });
    }
}
