//! Lists that are sorted by their updates, the latest first, and cannot be filtered by them.

use std::collections::BTreeSet;

use super::*;

/// The shipped connector, its users read the newest first.
fn newest_first() -> Arc<Connector> {
    let mut connector = Connector::clone(&salesloft());
    let order = connector.sorting.as_ref().unwrap().parameters("updated_at", true);
    let users = connector.resources.get_mut("users").unwrap();
    (users.newest_first, users.order) = (true, order);
    Arc::new(connector)
}

async fn read(people: &'static People, url: &str) -> Result<Vec<String>, HubError> {
    read_as(authorizer(), newest_first(), people, url, 10).await
}

fn pages(people: &'static People) -> Vec<String> {
    let page = |asked: &String| asked.rsplit(' ').next().unwrap().to_owned();
    people.asked.lock().unwrap().iter().map(page).collect()
}

fn rows(many: u32) -> Vec<(u32, i64)> {
    (1..=many).map(|id| (id, i64::from(id))).collect()
}

fn since(second: i64) -> String {
    format!("/users?where=updated_at>'{}'", Timestamp(second * 1_000_000))
}

#[tokio::test]
async fn reading_ends_behind_the_first_page_that_reaches_what_is_older() {
    let people = people(rows(95), none);
    assert_eq!(read(people, &since(90)).await.unwrap(), ["95", "94", "93", "92", "91"]);
    assert_eq!(pages(people), ["1"]);
}

#[tokio::test]
async fn several_pages_are_read_once_more_from_the_last_but_one_back_to_the_first() {
    let people = people(rows(95), none);
    let ids = read(people, &since(70)).await.unwrap();
    assert_eq!((ids.len(), ids[0].as_str(), ids[24].as_str()), (25, "95", "71"));
    assert_eq!(pages(people), ["1", "2", "3", "2", "1"]);
}

#[tokio::test]
async fn a_page_that_ends_at_the_bound_is_not_taken_for_the_last() {
    let people = people((1..=25).map(|id| (id, 7)).collect(), none);
    let at = Timestamp(7_000_000);
    let ids = read(people, &format!("/users?where=updated_at>='{at}' and active is null")).await;
    assert_eq!(ids.unwrap().len(), 25);
}

#[tokio::test]
async fn without_a_lower_bound_everything_is_read() {
    for url in ["/users", "/users?where=updated_at<'2000-01-01' or active=true"] {
        let people = people(rows(35), none);
        assert_eq!(read(people, url).await.unwrap().len(), 35, "{url}");
        assert_eq!(pages(people), ["1", "2", "3", "4", "3", "2", "1"], "{url}");
    }
}

#[tokio::test]
async fn records_that_move_up_when_others_are_removed_are_not_lost() {
    // Before each request but the first, the newest record goes.
    let people = people(rows(95), |request, rows| {
        let newest = rows.iter().max_by_key(|row| row.1).copied();
        rows.retain(|row| request == 1 || Some(*row) != newest);
        None
    });
    let read: BTreeSet<u32> =
        read(people, &since(40)).await.unwrap().iter().map(|id| id.parse().unwrap()).collect();
    let left = people.rows.lock().unwrap().iter().map(|row| row.0).filter(|id| *id > 40).count();
    assert!(left > 30 && (41..=95).rev().skip(95 - left).all(|id| read.contains(&id)), "{read:?}");
}

#[tokio::test]
async fn a_record_that_changes_meanwhile_comes_in_each_version() {
    let people = people(rows(25), |request, rows| {
        // On the way back, when it has been read already.
        if request == 4 {
            rows[0].1 = 1_000;
        }
        None
    });
    let ids = read(people, "/users").await.unwrap();
    assert_eq!((ids.len(), ids.iter().filter(|id| *id == "1").count()), (26, 2));
    assert_eq!(ids.last().map(String::as_str), Some("1"), "its new version, on the first page");
}

#[tokio::test]
async fn another_order_than_promised_is_an_error() {
    let people = people(rows(15), |_, _| {
        let data = json!([{"id": 1, "updated_at": "2026-01-01T00:00:00Z"},
            {"id": 2, "updated_at": "2026-01-02T00:00:00Z"}]);
        Some(ResponseTemplate::new(200).set_body_json(json!({"data": data})))
    });
    let error = read(people, "/users").await.unwrap_err();
    assert!(matches!(&error, HubError::Faulty { reason, .. } if reason.contains("newest first")));
}
