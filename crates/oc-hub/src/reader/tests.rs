//! Readings against a provider that answers from a table.

mod newest_first;

use std::sync::Mutex;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use oc_config::{Catalogue, Connector, DateReader, InstanceId, Zone};
use oc_egress::{Clock, Egress, Policy};
use serde_json::{Value as Json, json};
use url::Url;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::*;
use crate::{AuthorizeError, Credential, Hub, MockAuthorizer, Retry};

/// What is answered instead, given the request's number; it may change the rows as well.
type Mischief = fn(usize, &mut Vec<(u32, i64)>) -> Option<ResponseTemplate>;

/// People as (id, updated second), sorted, the latest first when asked so; answers as the provider does, and may do mischief.
struct People {
    rows: Mutex<Vec<(u32, i64)>>,
    mischief: Mischief,
    asked: Mutex<Vec<String>>,
}

impl Respond for &'static People {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let get =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let (gt, gte) = (get("updated_at[gt]"), get("updated_at[gte]"));
        let (page, size) = (get("page").unwrap(), get("per_page").unwrap());
        let mut asked = self.asked.lock().unwrap();
        asked.push(format!("{gt:?} {gte:?} {page}"));
        let mut rows = self.rows.lock().unwrap();
        if let Some(answer) = (self.mischief)(asked.len(), &mut rows) {
            return answer;
        }
        rows.sort_by_key(|(id, at)| (*at, *id));
        let instant = |text: &String| DateReader::any(Zone::gmt()).read_text(text).unwrap();
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        let mut listed: Vec<Json> = rows
            .iter()
            .filter(|row| gt.as_ref().is_none_or(|gt| at(row.1) > instant(gt)))
            .filter(|row| gte.as_ref().is_none_or(|gte| at(row.1) >= instant(gte)))
            .map(|(id, seconds)| json!({"id": id, "updated_at": at(*seconds).to_string()}))
            .collect();
        let (page, size): (usize, usize) = (page.parse().unwrap(), size.parse().unwrap());
        let next = (listed.len() > page * size).then_some(page + 1);
        if get("sort_direction").as_deref() == Some("DESC") {
            listed.reverse();
        }
        let data: Vec<&Json> = listed.iter().skip((page - 1) * size).take(size).collect();
        let mut filtering = json!({});
        for (name, value) in [("gt", gt), ("gte", gte)] {
            if let Some(value) = value {
                filtering["updated_at"][name] = json!(value);
            }
        }
        ResponseTemplate::new(200).insert_header("date", "Tue, 24 Nov 2026 03:04:05 GMT").set_body_json(
            json!({"metadata": {"filtering": filtering, "paging": {"next_page": next}}, "data": data}))
    }
}

fn people(rows: Vec<(u32, i64)>, mischief: Mischief) -> &'static People {
    Box::leak(Box::new(People { rows: Mutex::new(rows), mischief, asked: Mutex::default() }))
}

fn authorizer() -> MockAuthorizer {
    let mut authorizer = MockAuthorizer::new();
    authorizer.expect_authorize().returning(|_, headers: &mut HeaderMap, _| {
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
        Ok(Credential(1))
    });
    authorizer
}

fn salesloft() -> Arc<Connector> {
    Arc::clone(Catalogue::built_in().unwrap().find("salesloft").unwrap())
}

fn hub(authorizer: MockAuthorizer, clock: Clock) -> Hub {
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    let retry = Retry { tries: 4, pause: std::time::Duration::from_millis(1) };
    let egress = Egress::new(policy, "t").unwrap();
    Hub::new(egress, clock, Arc::new(authorizer), retry)
}

fn target(connector: Arc<Connector>, server: &MockServer) -> Target {
    Target {
        instance: InstanceId(1),
        connector,
        base: Url::parse(&server.uri()).unwrap(),
        account: "team".to_owned(),
        drop_nulls: true,
    }
}

async fn read_with(
    authorizer: MockAuthorizer,
    people: &'static People,
    url: &str,
    size: u32,
) -> Result<Vec<String>, HubError> {
    read_as(authorizer, salesloft(), people, url, size).await
}

async fn read_as(
    authorizer: MockAuthorizer,
    connector: Arc<Connector>,
    people: &'static People,
    url: &str,
    size: u32,
) -> Result<Vec<String>, HubError> {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(people).mount(&server).await;
    let hub = hub(authorizer, Clock::system());
    let target = target(connector, &server);
    let mut reader =
        hub.read(target, &HubCall::parse(url).unwrap().0, Some(size), Picker::default())?;
    let mut ids = Vec::new();
    while let Some(page) = reader.next_page().await? {
        ids.extend(
            page.records().map(|record| {
                serde_json::from_slice::<Json>(record.json).unwrap()["id"].to_string()
            }),
        );
    }
    assert!(reader.first_clock().is_some());
    Ok(ids)
}

async fn read(people: &'static People, url: &str, size: u32) -> Result<Vec<String>, HubError> {
    read_with(authorizer(), people, url, size).await
}

const ALL: &str = "/contacts?where=updated_at>'1970-01-01T00:00:00Z'";

fn none(_: usize, _: &mut Vec<(u32, i64)>) -> Option<ResponseTemplate> {
    None
}

#[tokio::test]
async fn the_first_request_keeps_the_calls_operator_and_the_next_go_on_from_the_last_record() {
    let people = people((1..=5).map(|id| (id, i64::from(id))).collect(), none);
    assert_eq!(read(people, ALL, 2).await.unwrap(), ["1", "2", "3", "4", "5"]);
    let asked = people.asked.lock().unwrap().clone();
    assert_eq!(asked[0], r#"Some("1970-01-01T00:00:00.000000Z") None 1"#);
    assert_eq!(asked[1], r#"None Some("1970-01-01T00:00:02.000000Z") 1"#);
}

#[tokio::test]
async fn records_of_one_instant_over_a_page_border_are_all_read_once() {
    let people = people(vec![(1, 1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (7, 3)], none);
    assert_eq!(read(people, ALL, 2).await.unwrap(), ["1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn records_that_move_while_they_are_read_are_not_lost() {
    let people = people((1..=60).map(|id| (id, i64::from(id))).collect(), |request, rows| {
        let newest = rows.iter().map(|(_, at)| *at).max().unwrap();
        if request < 20 {
            rows[request].1 = newest + 1;
        }
        None
    });
    let mut ids = read(people, ALL, 10).await.unwrap();
    ids.sort_by_key(|id| id.parse::<u32>().unwrap());
    ids.dedup();
    assert_eq!(ids.len(), 60);
}

#[tokio::test]
async fn an_instant_of_many_pages_is_read_whole_though_its_records_move_away() {
    // Before each request but the first, one of the instant's earliest records changes.
    let people = people((1..=45).map(|id| (id, 7)).chain([(99, 8)]).collect(), |request, rows| {
        let newest = rows.iter().map(|(_, at)| *at).max().unwrap();
        let earliest = rows.iter_mut().filter(|(_, at)| *at == 7).min();
        if request > 1
            && let Some(row) = earliest
        {
            row.1 = newest + 1;
        }
        (request > 200).then(|| ResponseTemplate::new(404))
    });
    let ids = read(people, ALL, 10).await.unwrap();
    let read: std::collections::BTreeSet<u32> = ids.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(read.len(), 46, "{ids:?}");
}

#[tokio::test]
async fn other_lists_are_read_by_page_number_and_filtered_here() {
    let people = people((1..=5).map(|id| (id, i64::from(id) * 86_400)).collect(), none);
    let ids = read(people, "/users?where=updated_at>='1970-01-03'", 2).await.unwrap();
    assert_eq!(ids, ["2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_filter_that_does_not_come_back_is_an_error() {
    let people = people(vec![(1, 1)], |_, _| {
        Some(
            ResponseTemplate::new(200)
                .set_body_json(json!({"metadata": {"filtering": {}}, "data": []})),
        )
    });
    let error = read(people, ALL, 2).await.unwrap_err().to_string();
    assert!(error.contains("ignored the filter `updated_at[gt]`"), "{error}");
}

#[tokio::test]
async fn failures_and_wrong_json_are_tried_again() {
    let people = people(vec![(1, 1)], |request, _| match request {
        1 => Some(ResponseTemplate::new(500)),
        2 => Some(ResponseTemplate::new(200).set_body_string("{\"data\": [")),
        _ => None,
    });
    assert_eq!(read(people, ALL, 2).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let mischief: Mischief = |request, _| (request == 1).then(|| ResponseTemplate::new(401));
    let mut ours = authorizer();
    ours.expect_refused().times(1).returning(|_, _, _| Ok(()));
    assert_eq!(read_with(ours, people(vec![(1, 1)], mischief), ALL, 2).await.unwrap(), ["1"]);
    let mut ours = authorizer();
    ours.expect_refused().returning(|_, _, _| Ok(()));
    let always = people(vec![], |_, _| Some(ResponseTemplate::new(401)));
    assert!(read_with(ours, always, ALL, 2).await.unwrap_err().needs_authentication());
}

#[tokio::test]
async fn what_the_provider_refuses_is_told_in_its_words() {
    let people = people(vec![], |_, _| {
        Some(ResponseTemplate::new(422).set_body_string(r#"{"errors":{"x":["bad"]}}"#))
    });
    let error = read(people, ALL, 2).await.unwrap_err();
    assert!(matches!(&error, HubError::Provider { status, .. } if status.as_u16() == 422));
    assert_eq!(error.provider_text(), Some(r#"{"errors":{"x":["bad"]}}"#));
}

#[tokio::test]
async fn a_reading_is_counted_for_as_long_as_it_waits_for_the_rate_limit() {
    let server = MockServer::start().await;
    let limited = people(vec![], |_, _| Some(ResponseTemplate::new(429)));
    Mock::given(method("GET")).respond_with(limited).mount(&server).await;
    // A minute that never ends.
    let hub = hub(authorizer(), Clock::new(|| Timestamp(60_000_000)));
    let call = HubCall::parse(ALL).unwrap().0;
    let target = target(salesloft(), &server);
    let mut reader = hub.read(target, &call, None, Picker::default()).unwrap();
    assert_eq!(hub.waiting(), 0);
    let reading = tokio::spawn(async move { reader.next_page().await.map(drop) });
    while hub.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(limited.asked.lock().unwrap().len(), 1);
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    assert_eq!(hub.waiting(), 0);
}

#[tokio::test]
async fn without_a_credential_nothing_is_sent() {
    let mut ours = MockAuthorizer::new();
    ours.expect_authorize()
        .returning(|_, _, _| Err(AuthorizeError::NeedsAuthentication("gone".to_owned())));
    let people = people(vec![], none);
    assert!(read_with(ours, people, ALL, 2).await.unwrap_err().needs_authentication());
    assert!(people.asked.lock().unwrap().is_empty());
}
