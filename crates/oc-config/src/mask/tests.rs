//! Masks by table, and their properties.

use proptest::prelude::*;
use time::macros::datetime;

use super::*;

fn mask(text: &str) -> DateMask {
    DateMask::parse(text).unwrap().0
}

#[test]
fn a_quote_left_open_is_taken_as_closed_with_a_warning() {
    let (mask, warning) = DateMask::parse("yyyy-MM-dd'T'HH:mm:ss'").unwrap();
    assert_eq!(warning.unwrap().column, Some(22));
    let text = mask.format(datetime!(2026-11-24 3:04:05 UTC), &Zone::gmt());
    assert_eq!(text, "2026-11-24T03:04:05");
}

#[test]
fn letters_that_mean_nothing_are_refused_where_they_stand() {
    for (text, column) in [("yyyy-bb", 6), ("10 digit integer", 5), ("yyyy{", 5), ("SSSSSSSSSS", 1)]
    {
        assert_eq!(DateMask::parse(text).unwrap_err().column, Some(column), "{text}");
    }
    assert!(DateMask::parse("").is_err());
}

#[test]
fn a_day_past_the_end_of_its_month_is_its_last_day() {
    let read = mask("yyyy-MM-dd").read("2023-02-31", &Zone::gmt());
    assert_eq!(read, Some(datetime!(2023-02-28 0:00 UTC)));
}

#[test]
fn a_weekday_that_is_not_the_dates_is_no_date() {
    let mask = mask("EEE, d MMM yyyy");
    assert!(mask.read("Tue, 24 Nov 2026", &Zone::gmt()).is_some());
    assert_eq!(mask.read("Mon, 24 Nov 2026", &Zone::gmt()), None);
}

#[test]
fn zone_names_are_written_and_read() {
    let mask = mask("yyyy-MM-dd HH:mm z");
    let zone = Zone::parse("America/New_York").unwrap();
    let instant = datetime!(2026-07-01 12:00 UTC);
    assert_eq!(mask.format(instant, &zone), "2026-07-01 08:00 EDT");
    assert_eq!(mask.read("2026-07-01 08:00 EDT", &Zone::gmt()), Some(instant));
}

proptest! {
    #[test]
    fn what_a_mask_writes_it_reads_back_at_its_precision(
        seconds in 946_684_800_i64..4_102_444_800,
        nanos in 0_u32..1_000_000_000,
        form in prop::sample::select(vec![
            ("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX", 1), ("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", 1_000),
            ("yyyyMMddHHmmssSSSx", 1_000_000), ("dd-MMM-yyyy hh:mm:ss a xx", 1_000_000_000),
            ("EEEE, d MMMM yyyy H:m:s ZZZZ", 1_000_000_000), ("yyyy-DDD KK:mm a XXXXX", 60_000_000_000),
            ("yy.MM.dd kk:mm:ss Z", 1_000_000_000),
        ]),
        zone in prop::sample::select(vec!["GMT", "America/New_York", "+05:30", "Australia/Lord_Howe"]),
    ) {
        let (text, precision) = form;
        let zone = Zone::parse(zone).unwrap();
        let instant = OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
        let mask = mask(text);
        let read = mask.read(&mask.format(instant, &zone), &zone).unwrap();
        let rounded = instant.unix_timestamp_nanos().div_euclid(precision) * precision;
        prop_assert_eq!(read.unix_timestamp_nanos(), rounded);
    }

    #[test]
    fn no_mask_and_no_text_panics(mask in "\\PC{0,40}", text in "\\PC{0,40}") {
        if let Ok((mask, _)) = DateMask::parse(&mask) {
            mask.read(&text, &Zone::gmt());
            mask.format(OffsetDateTime::UNIX_EPOCH, &Zone::gmt());
        }
    }

    #[test]
    fn no_text_in_the_shape_of_a_date_panics(text in "[0-9TZ:.+-é]{0,30}") {
        mask("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").read(&text, &Zone::gmt());
    }
}
