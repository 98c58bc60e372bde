//! The language by table, and its properties.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(text: &str) -> Condition {
    Condition::parse(text).unwrap().0
}

#[test]
fn every_documented_form_is_read() {
    let table = [
        ("updated_at>='2026-01-01'", "updated_at >= '2026-01-01'"),
        ("a=1 and b = 'x' OR not (c<>true)", "(a = 1 AND b = 'x') OR NOT (c != true)"),
        ("a.b NOT IN (1, '2', null)", "a.b NOT IN (1, '2', null)"),
        ("name like 'O''%' AND x IS NOT NULL", "name LIKE 'O''%' AND x IS NOT NULL"),
        ("'Modified Time' > '2026'", "`Modified Time` > '2026'"),
        ("`Modified Time` > 5", "`Modified Time` > 5"),
        ("`updated_at >= '2026'` and `b`=2", "updated_at >= '2026' AND b = 2"),
        ("a = -1.5e3", "a = -1.5e3"),
    ];
    for (text, canonical) in table {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn one_quote_too_many_at_the_very_end_is_left_out_with_a_warning() {
    let (condition, warning) = Condition::parse("updated_at>='2026-01-01''").unwrap();
    assert_eq!(condition, parse("updated_at>='2026-01-01'"));
    assert_eq!(warning.unwrap().column, Some(25));
}

#[test]
fn faults_say_where_what_was_found_and_what_was_expected() {
    let table = [
        ("", 1, "the end was found; a field, NOT or `(` was expected"),
        ("a", 2, "the end was found; an operator: = != <> < <= > >= IN LIKE IS was expected"),
        ("a = 'x", 5, "the text that begins here is not closed; a `'` was expected"),
        ("a = b", 5, "`b` was found; a value: 'text', a number, true, false or null was expected"),
        ("(a = 1", 7, "the end was found; `)` was expected"),
        ("a = 1 b = 2", 7, "`b` was found; AND, OR or the end was expected"),
        ("a NOT b", 7, "`b` was found; IN or LIKE was expected"),
        ("é ! 1", 3, "`!` was found; one of = != <> < <= > >= was expected"),
        ("a = ;", 5, "`;` was found; a field, a value or a keyword was expected"),
    ];
    for (text, column, message) in table {
        let fault = Condition::parse(text).unwrap_err();
        assert_eq!((fault.column, fault.message.as_str()), (Some(column), message), "{text}");
    }
}

#[test]
fn depth_length_and_values_have_bounds() {
    assert!(Condition::parse(&format!("{}a=1{}", "(".repeat(63), ")".repeat(63))).is_ok());
    assert!(Condition::parse(&format!("{}a=1{}", "(".repeat(64), ")".repeat(64))).is_err());
    assert!(Condition::parse(&format!("{}a=1", "not ".repeat(5_000))).is_err());
    assert!(Condition::parse(&format!("a='{}'", "x".repeat(16 * 1024))).is_err());
    let values = |n: usize| format!("a in ({})", vec!["1"; n].join(","));
    assert!(Condition::parse(&values(1_000)).is_ok() && Condition::parse(&values(1_001)).is_err());
}

#[test]
fn records_are_compared_by_what_their_values_mean() {
    let record = json!({"n": 9_007_199_254_740_993_i64, "s": "Ann", "t": "2026-01-01T00:00:00-05:00",
        "list": [1, 2], "flag": true, "nothing": null, "deep": {"id": 5}, "quoted": "12"});
    let yes = [
        "n > 9007199254740992",
        "n = '9007199254740993'",
        "s >= 'Am'",
        "t = '2026-01-01T05:00:00Z'",
        "t > '2026-01-01'",
        "list = 2",
        "flag = 'TRUE'",
        "nothing = null",
        "nothing is null",
        "missing != 1",
        "deep.id in (4, 5)",
        "quoted > 9",
        "s like 'A_n'",
        "s not like 'B%'",
        "not s = 'Bob'",
    ];
    let no = [
        "n = 9007199254740992",
        "missing = 1",
        "missing < 1",
        "nothing > 0",
        "list = 3",
        "list != 2",
        "flag = false",
        "s like 'a%'",
        "deep = 5",
        "t < '2026-01-01T04:59:59Z'",
        "s is null",
    ];
    for text in yes {
        assert!(parse(text).matches(&record), "{text}");
    }
    for text in no {
        assert!(!parse(text).matches(&record), "{text}");
    }
}

#[test]
fn the_parts_that_must_all_hold_are_the_top_level_and() {
    assert_eq!(parse("a=1 and (b=2 or c=3)").conjuncts().len(), 2);
    assert_eq!(parse("a=1 or b=2").conjuncts().len(), 1);
}

fn by_definition(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|at| by_definition(&text[at..], rest)),
        Some((letter, rest)) => text.split_first().is_some_and(|(first, after)| {
            (*letter == '_' || letter == first) && by_definition(after, rest)
        }),
    }
}

proptest! {
    #[test]
    fn like_is_what_its_definition_says(text in "[ab]{0,8}", pattern in "[ab%_]{0,6}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(like::like(&text, &pattern), by_definition(&chars(&text), &chars(&pattern)));
    }

    #[test]
    fn what_is_read_is_written_as_text_that_reads_the_same(
        text in "(not )?[a-c]{1,3}(\\.[ab])? (=|<=|<>) ('[a-c'é]{0,4}'|[0-9]{1,4}|null)( (and|or) [d-f] (in|not in) \\(1, 'x'\\)){0,2}"
    ) {
        if let Ok((condition, _)) = Condition::parse(&text) {
            prop_assert_eq!(parse(&condition.to_string()), condition);
        }
    }

    #[test]
    fn no_text_panics(text in "[a-c'`() =<>!,.%0-9é+-]{0,60}") {
        if let Ok((condition, _)) = Condition::parse(&text) {
            condition.matches(&json!({"a": "x", "b": [1], "c": null}));
        }
    }
}
