//! Exchanges with servers that behave and servers that do not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const LIMITS: Limits =
    Limits { total: Duration::from_secs(10), body: 1_000, overflow: Overflow::Truncate };

fn local() -> Egress {
    let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()], vec![]);
    Egress::new(policy, "open-connectors/test").unwrap()
}

fn get(url: &str) -> Request {
    Request::get(Url::parse(url).unwrap())
}

/// A server that hands each connection, with its number, to `serve`.
async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(usize, TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, stream));
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn an_answer_comes_with_its_status_headers_and_body() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(201).insert_header("x-a", "1").set_body_string("hello");
    Mock::given(method("GET"))
        .and(wiremock::matchers::header("user-agent", "open-connectors/test"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let response = local().exchange(get(&server.uri()), LIMITS).await.unwrap();
    assert_eq!(
        (response.status.as_u16(), &response.body[..], response.truncated),
        (201, &b"hello"[..], false)
    );
    assert_eq!(response.headers["x-a"], "1");
}

#[tokio::test]
async fn a_name_with_a_forbidden_address_is_refused_in_words_that_tell_nothing() {
    let addresses = |_, port| Ok(vec![([1, 1, 1, 1], port).into(), ([10, 0, 0, 1], port).into()]);
    let egress = Egress::with_names(Policy::public(), "t", Names::new(addresses)).unwrap();
    let refused = egress.exchange(get("http://example.test/"), LIMITS).await.unwrap_err();
    assert!(refused.is_refused() && refused.detail().contains("10.0.0.1"));
    assert_eq!(refused.to_string(), EgressError::Connect("refused".to_owned()).to_string());
    assert!(
        egress.check(&Url::parse("http://example.test/").unwrap()).await.unwrap_err().is_refused()
    );
}

#[tokio::test]
async fn a_name_that_changes_its_address_after_the_check_is_refused_when_it_is_used() {
    let asked = AtomicUsize::new(0);
    let addresses = move |_, port| {
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(vec![(if first { [1, 1, 1, 1] } else { [127, 0, 0, 1] }, port).into()])
    };
    let egress = Egress::with_names(Policy::public(), "t", Names::new(addresses)).unwrap();
    assert!(egress.check(&Url::parse("http://example.test/").unwrap()).await.is_ok());
    assert!(egress.exchange(get("http://example.test/"), LIMITS).await.unwrap_err().is_refused());
}

#[tokio::test]
async fn literal_addresses_are_checked_too() {
    let egress = Egress::new(Policy::public(), "t").unwrap();
    for url in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://2130706433/"] {
        assert!(egress.exchange(get(url), LIMITS).await.unwrap_err().is_refused(), "{url}");
    }
}

#[tokio::test]
async fn redirects_are_followed_for_a_get_and_credentials_stay_at_home() {
    let (home, away) = (MockServer::start().await, MockServer::start().await);
    let to = format!("{}/there", away.uri());
    Mock::given(path("/here"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", &*to))
        .mount(&home)
        .await;
    Mock::given(path("/there")).respond_with(ResponseTemplate::new(200)).mount(&away).await;
    let mut request = get(&format!("{}/here", home.uri()));
    for name in ["authorization", "cookie", "x-api-key", "accept"] {
        request.headers.insert(name, HeaderValue::from_static("s3cret"));
    }
    let response = local().exchange(request.clone(), LIMITS).await.unwrap();
    assert_eq!(response.status, 200);
    let arrived = away.received_requests().await.unwrap();
    let names = |name: &&str| arrived[0].headers.contains_key(*name);
    let arrived: Vec<_> =
        ["authorization", "cookie", "x-api-key", "accept"].into_iter().filter(names).collect();
    assert_eq!(arrived, ["accept"]);
    let never = Request { redirects: Redirects::Never, ..request };
    assert_eq!(local().exchange(never, LIMITS).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(302).insert_header("location", "http://10.0.0.1/");
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    assert!(local().exchange(get(&server.uri()), LIMITS).await.unwrap_err().is_refused());
}

#[tokio::test]
async fn a_longer_answer_is_cut_or_refused() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("x".repeat(5_000)))
        .mount(&server)
        .await;
    let response = local().exchange(get(&server.uri()), LIMITS).await.unwrap();
    assert_eq!((response.body.len(), response.truncated), (1_000, true));
    let strict = Limits { overflow: Overflow::Fail, ..LIMITS };
    let error = local().exchange(get(&server.uri()), strict).await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge(1_000)));
}

#[tokio::test]
async fn a_body_that_never_ends_meets_the_one_deadline() {
    let address = server(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx").await;
        std::future::pending::<()>().await;
    })
    .await;
    let short = Limits { total: Duration::from_millis(100), ..LIMITS };
    let error = local().exchange(get(&format!("http://{address}/")), short).await.unwrap_err();
    assert!(error.is_timeout() && error.may_have_arrived());
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_no_answer() {
    let address = server(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx").await;
    })
    .await;
    let error = local().exchange(get(&format!("http://{address}/")), LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::Closed));
}

#[tokio::test]
async fn endless_headers_and_what_is_no_http_are_refused() {
    let endless = server(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"x-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let error = local().exchange(get(&format!("http://{endless}/")), LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::LargeHead), "{error:?}");
    let large = MockServer::start().await;
    let answer = ResponseTemplate::new(200).insert_header("x-a", &*"b".repeat(40_000));
    Mock::given(method("GET")).respond_with(answer).mount(&large).await;
    let error = local().exchange(get(&large.uri()), LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::LargeHead), "{error:?}");
    let noise = server(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"220 smtp ready\r\n\r\n").await;
    })
    .await;
    let error = local().exchange(get(&format!("http://{noise}/")), LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::Malformed), "{error:?}");
}

#[tokio::test]
async fn a_send_on_a_connection_that_went_stale_is_repeated_once() {
    let address = server(|number, mut stream| async move {
        while read_head(&mut stream).await {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
            let _ = stream.write_all(answer.as_bytes()).await;
            // The first connection takes a second request and closes without an answer.
            if number == 0 {
                read_head(&mut stream).await;
                return;
            }
        }
    })
    .await;
    let (egress, request) = (local(), get(&format!("http://{address}/")));
    let bodies = [
        egress.exchange(request.clone(), LIMITS).await.unwrap().body,
        egress.exchange(request, LIMITS).await.unwrap().body,
    ];
    assert_eq!(bodies, ["0", "1"]);
}

#[tokio::test]
async fn a_new_connection_that_closes_without_an_answer_is_a_failure() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let address = server(move |_, mut stream| {
        seen.fetch_add(1, Ordering::Relaxed);
        async move {
            read_head(&mut stream).await;
        }
    })
    .await;
    let error = local().exchange(get(&format!("http://{address}/")), LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::Closed));
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_must_not_be_seen_twice_goes_on_a_new_connection_and_is_not_repeated() {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let address = server(move |number, mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            while read_head(&mut stream).await {
                seen.fetch_add(1, Ordering::Relaxed);
                if number > 0 {
                    return;
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    })
    .await;
    let (egress, url) = (local(), Url::parse(&format!("http://{address}/")).unwrap());
    egress.exchange(Request::get(url.clone()), LIMITS).await.unwrap();
    let once = Request { stale: Stale::Avoid, ..Request::post(url, Bytes::from_static(b"x")) };
    let error = egress.exchange(once, LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::Closed) && error.may_have_arrived());
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}
