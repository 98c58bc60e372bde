//! What goes wrong with an answer.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A fault of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: this one goes well.
    None,
    /// A status with an error body.
    Status(u16),
    /// The same in other words.
    Says(u16, &'static str),
    /// 429, and when to come again, in seconds.
    RetryAfter(u32),
    /// The answer never comes.
    Hang,
    /// The connection breaks in the middle of the body.
    Cut,
    /// The body ends in the middle, and says that it is whole.
    HalfJson,
    /// A page of HTML with status 200.
    Html,
    /// The filters are ignored in silence.
    IgnoresFilters,
    /// The request has its effect, and its answer is lost.
    LosesAnswer,
}

impl Fault {
    /// The answer with the fault.
    pub(super) async fn apply(self, response: Response) -> Response {
        match self {
            Self::None | Self::IgnoresFilters => response,
            Self::Status(status) => says(status, "something went wrong"),
            Self::Says(status, words) => says(status, words),
            Self::RetryAfter(seconds) => {
                let limited =
                    super::error(StatusCode::TOO_MANY_REQUESTS, "API rate limit exceeded");
                ([("retry-after", seconds.to_string())], limited).into_response()
            }
            Self::Hang => std::future::pending().await,
            Self::LosesAnswer => crate::receiver::cut(),
            Self::Html => "<html><body>Be right back</body></html>".into_response(),
            Self::Cut => {
                let whole = bytes_of(response).await;
                let first = Ok(whole.slice(..whole.len() / 2));
                let pieces = [first, Err(std::io::Error::other("cut"))];
                let mut cut = Body::from_stream(futures_util::stream::iter(pieces)).into_response();
                let length = axum::http::HeaderValue::from(whole.len());
                cut.headers_mut().insert("content-length", length);
                cut
            }
            Self::HalfJson => {
                let whole = bytes_of(response).await;
                Body::from(whole.slice(..whole.len() / 2)).into_response()
            }
        }
    }
}

fn says(status: u16, words: &str) -> Response {
    super::error(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), words)
}

async fn bytes_of(response: Response) -> Bytes {
    to_bytes(response.into_body(), 64 << 20).await.unwrap_or_default()
}
