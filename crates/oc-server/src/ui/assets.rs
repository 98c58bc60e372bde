//! Style sheet and scripts: compiled in, and named by their content so that browsers keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_64;

use super::problem::Problem;

/// A file that pages name.
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    /// With the fingerprint of its content.
    url: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $kind:literal, $file:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            content: include_str!($file),
            url: LazyLock::new(|| address($name, include_str!($file))),
        }
    };
}

pub(super) static STYLE: Asset = asset!("style.css", "text/css; charset=utf-8", "assets/style.css");
pub(super) static ICON: Asset = asset!("icon.svg", "image/svg+xml", "assets/icon.svg");
pub(super) static PAGE: Asset =
    asset!("page.js", "text/javascript; charset=utf-8", "assets/page.js");
pub(super) static HTMX: Asset =
    asset!("htmx.js", "text/javascript; charset=utf-8", "assets/vendor/htmx.js");

static ALL: [&Asset; 4] = [&STYLE, &ICON, &PAGE, &HTMX];

impl Asset {
    /// Where it is; another content has another address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// `/ui/assets/{version}/{name}`.
pub(super) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let asked = format!("/ui/assets/{version}/{name}");
    let Some(found) = ALL.iter().find(|one| one.name == name && one.url() == asked) else {
        return Problem::Missing.into_response();
    };
    let headers =
        [(CONTENT_TYPE, found.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, found.content).into_response()
}

fn address(name: &str, content: &str) -> String {
    format!("/ui/assets/{:016x}/{name}", xxh3_64(content.as_bytes()))
}
