//! Receivers that break every rule of HTTP: each attempt ends in time and says what was wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What a receiver does after the first bytes that it sends.
#[derive(Clone, Copy)]
enum Then {
    /// Closes the connection.
    Close,
    /// Closes it with the request unread, so that it is reset.
    Reset,
    /// Says that it is done and keeps listening.
    HalfClose,
    /// Nothing, ever.
    Hang,
    /// Sends this again and again.
    Repeat(&'static [u8]),
    /// Sends a byte now and then.
    Drip,
}

const OK: &str = "HTTP/1.1 200 OK\r\n";
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// Answers one connection after the other; counts what it could send.
async fn receiver(first: Vec<u8>, then: Then) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, first.clone(), then, Arc::clone(&count)));
        }
    });
    (url, sent)
}

async fn answer(mut stream: TcpStream, first: Vec<u8>, then: Then, sent: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}")
        && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0)
    {
        if matches!(then, Then::Reset) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).to_lowercase();
    assert!(!text.contains("accept-encoding"), "it would have to be unpacked: {text}");
    let _ = stream.write_all(&first).await;
    match then {
        Then::Close => {}
        Then::Reset => {
            // What came meanwhile and is not read resets the connection.
            let _ = stream.readable().await;
        }
        Then::HalfClose => {
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut request).await;
        }
        Then::Hang => std::future::pending().await,
        Then::Repeat(piece) => {
            while stream.write_all(piece).await.is_ok() {
                sent.fetch_add(piece.len(), Ordering::Relaxed);
            }
        }
        Then::Drip => {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 20).await;
            }
        }
    }
}

fn notification() -> Outgoing {
    let (id, body) = (Uuid::from_u128(7), Bytes::from("{}"));
    Outgoing { id, resource: Arc::default(), body, attempt: 1, replay: false, trace: None }
}

async fn send(url: &str, within: Duration) -> Attempt {
    webhooks(within).send(&destination(url), notification()).await
}

async fn attempt(first: impl Into<Vec<u8>>, then: Then, within: Duration) -> Attempt {
    let (url, _) = receiver(first.into(), then).await;
    send(&url, within).await
}

/// The attempt failed without a status, for this reason.
#[track_caller]
fn assert_failed(case: &str, attempt: &Attempt, reason: &str) {
    assert_eq!((attempt.status, attempt.error.as_deref()), (None, Some(reason)), "{case}");
    assert!(matches!(attempt.verdict, AttemptVerdict::Failed { .. }), "{case}");
}

#[tokio::test]
async fn what_is_sent_too_slowly_meets_the_one_deadline() {
    let cases: [(&str, Then); 5] = [
        ("", Then::Hang),
        ("HTTP/1.1 200 OK\r\nx-slow: ", Then::Drip),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", Then::Drip),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", Then::Hang),
        ("HTTP/1.1 200 OK\r\n\r\n", Then::Drip),
    ];
    for (first, then) in cases {
        let attempt = attempt(first, then, SHORT).await;
        assert_failed(first, &attempt, "no whole answer in time");
        let overloaded = AttemptVerdict::Failed { retry_after: None, overloaded: true };
        assert_eq!(attempt.verdict, overloaded, "{first}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_told_as_such() {
    let chunked = format!("{OK}transfer-encoding: chunked\r\n\r\n");
    let cases: [&[u8]; 14] = [
        b"220 smtp ready\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x01\0\0\0\0\x02\0\0\0\0",
        b"\x15\x03\x01\0\x02\x02\x46",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
        &[chunked.as_bytes(), b"zz\r\nxx\r\n0\r\n\r\n"].concat(),
    ];
    for first in cases {
        let attempt = attempt(first, Then::Hang, LONG).await;
        let case = String::from_utf8_lossy(first);
        assert_failed(&case, &attempt, "the answer is no valid HTTP");
    }
    let flood = Then::Repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n");
    let attempt = attempt("", flood, LONG).await;
    assert_failed("interim answers", &attempt, "the answer is no valid HTTP");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let reason = "the answer has more than 100 headers or 32 KB of them";
    let line = format!("x-a: {}\r\n", "b".repeat(1_000));
    let megabyte = format!("{OK}{}\r\n", line.repeat(1_000));
    assert_failed("1 MB", &attempt(megabyte, Then::Hang, LONG).await, reason);
    let lines = format!("{OK}{}\r\n", "a:b\r\n".repeat(100_000));
    assert_failed("100,000 lines", &attempt(lines, Then::Hang, LONG).await, reason);
    let some = format!("{OK}{}\r\n", "a:b\r\n".repeat(101));
    assert_failed("101 lines", &attempt(some, Then::Hang, LONG).await, reason);
    let one = format!("{OK}x-a: {}\r\n\r\n", "b".repeat(40_000));
    assert_failed("one line", &attempt(one, Then::Hang, LONG).await, reason);
    let endless = attempt(OK, Then::Repeat(b"x-a: bbbbbbbbbbbbbbbbbbbbbbbb\r\n"), LONG).await;
    assert_failed("endless", &endless, reason);
}

#[tokio::test]
async fn an_answer_that_ends_before_its_end_is_no_success() {
    let reason = "the connection ended before the whole answer was there";
    for (first, then) in [
        ("", Then::Close),
        ("", Then::Reset),
        ("", Then::HalfClose),
        ("HTTP/1.1 200 O", Then::Close),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n", Then::HalfClose),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", Then::Close),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", Then::Reset),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", Then::Close),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\nabc", Then::HalfClose),
    ] {
        assert_failed(first, &attempt(first, then, LONG).await, reason);
    }
}

#[tokio::test]
async fn of_an_answer_without_end_little_is_read_and_its_status_counts() {
    const PIECE: &[u8] = &[b'x'; 16 * 1024];
    for head in [
        "\r\n",
        "content-length: 314572800\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffff\r\n",
    ] {
        let (url, sent) = receiver(format!("{OK}{head}").into(), Then::Repeat(PIECE)).await;
        let attempt = send(&url, LONG).await;
        assert_eq!(
            (attempt.status, attempt.verdict),
            (Some(200), AttemptVerdict::Delivered),
            "{head}"
        );
        assert_eq!(attempt.answer.len(), MOST_KEPT, "{head}");
        // What is on its way when the connection is dropped lies in buffers of the system.
        assert!(sent.load(Ordering::Relaxed) < 32 << 20, "{head}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_as_it_came_and_never_unpacked() {
    let packed = [
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\n".as_slice(),
        b"\x1f\x8b\x08\0ab",
    ]
    .concat();
    let attempt = attempt(packed, Then::Hang, LONG).await;
    assert_eq!(attempt.verdict, AttemptVerdict::Delivered);
    assert_eq!(attempt.answer, "\u{1f}\u{fffd}\u{8}\u{fffd}ab");
}

#[tokio::test]
async fn what_is_odd_but_whole_counts_by_its_status() {
    let delivered = AttemptVerdict::Delivered;
    let failed = AttemptVerdict::Failed { retry_after: None, overloaded: false };
    for (first, then, status, verdict, answer) in [
        ("HTTP/1.0 200 OK\r\n\r\nold", Then::HalfClose, 200, delivered, "old"),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", Then::Hang, 200, delivered, ""),
        ("HTTP/1.1 299 Odd\r\ncontent-length: 1\r\n\r\nxyz", Then::Hang, 299, delivered, "x"),
        ("HTTP/1.1 204 None\r\ncontent-length: 9\r\n\r\n", Then::Hang, 204, delivered, ""),
        (
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 202 OK\r\ncontent-length: 0\r\n\r\n",
            Then::Hang,
            202,
            delivered,
            "",
        ),
        (
            "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            Then::Hang,
            101,
            failed,
            "",
        ),
        ("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nno", Then::Close, 999, failed, "no"),
        (
            "HTTP/1.1 303 See\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
            Then::Hang,
            303,
            failed,
            "",
        ),
    ] {
        let attempt = attempt(first, then, LONG).await;
        let got = (attempt.status, attempt.verdict, attempt.answer.as_str());
        assert_eq!(got, (Some(status), verdict, answer), "{first}");
    }
}

#[tokio::test]
async fn a_receiver_without_tls_behind_an_https_url_is_told_as_such() {
    let answer = format!("{OK}content-length: 0\r\n\r\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 16 * 1024]).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    let reason = "no TLS connection: what answers there does not speak TLS";
    assert_failed("plain", &send(&url, LONG).await, reason);
}

#[tokio::test]
async fn a_notification_on_a_connection_that_went_stale_is_sent_again_at_once_and_only_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        // The first connection answers once and closes at its second request, as all others do.
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            for number in 0..2 {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n{}") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                seen.fetch_add(1, Ordering::Relaxed);
                if (connection, number) != (0, 0) {
                    break;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        }
    });
    let sender = webhooks(LONG);
    let first = sender.send(&destination(&url), notification()).await;
    assert_eq!(first.verdict, AttemptVerdict::Delivered);
    let second = sender.send(&destination(&url), notification()).await;
    assert_failed("stale", &second, "the connection ended before the whole answer was there");
    assert_eq!(requests.load(Ordering::Relaxed), 3);
}
