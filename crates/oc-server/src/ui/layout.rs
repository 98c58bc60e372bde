//! The frame of every page: head, navigation, skip link, and what is said once.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::visitor::Visitor;

/// htmx without anything that the policy forbids, or that keeps pages of a session in the browser.
const HTMX: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"historyCacheSize":0}"#;

/// A part of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Instances,
    Activity,
    Receivers,
    Connectors,
}

impl Part {
    const ALL: [Self; 4] = [Self::Instances, Self::Activity, Self::Receivers, Self::Connectors];

    fn name(self) -> &'static str {
        match self {
            Self::Instances => "Instances",
            Self::Activity => "Activity",
            Self::Receivers => "Receivers",
            Self::Connectors => "Connectors",
        }
    }

    fn url(self) -> &'static str {
        match self {
            Self::Instances => super::HOME,
            Self::Activity => "/ui/activity",
            Self::Receivers => "/ui/receivers",
            Self::Connectors => "/ui/connectors",
        }
    }
}

/// A page that is about to be shown.
pub(super) struct Page<'a> {
    title: &'a str,
    part: Option<Part>,
    visitor: Option<&'a Visitor>,
    onwards: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// For somebody who need not be signed in.
    pub(super) fn new(title: &'a str) -> Self {
        Self { title, part: None, visitor: None, onwards: None }
    }

    /// For a visitor, in a part of the site.
    pub(super) fn of(visitor: &'a Visitor, part: Part, title: &'a str) -> Self {
        Self { title, part: Some(part), visitor: Some(visitor), onwards: None }
    }

    /// It goes on to another page by itself.
    pub(super) fn onwards(self, url: &'a str) -> Self {
        Self { onwards: Some(url), ..self }
    }

    /// The answer with this content.
    pub(super) fn show(&self, content: &Markup) -> Response {
        fragment(&html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="htmx-config" content=(HTMX);
                    @if let Some(url) = self.onwards { meta http-equiv="refresh" content={ "0;url=" (url) }; }
                    title { (self.title) " · Open Connectors" }
                    link rel="icon" type="image/svg+xml" href=(assets::ICON.url());
                    link rel="stylesheet" href=(assets::STYLE.url());
                    script src=(assets::HTMX.url()) defer {}
                    script src=(assets::PAGE.url()) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.header())
                    main #main tabindex="-1" { (content) }
                    footer.site {
                        "Open Connectors " (env!("CARGO_PKG_VERSION")) " · "
                        a href="/docs" { "API" }
                    }
                }
            }
        })
    }

    fn header(&self) -> Markup {
        html! {
            header.site {
                a.brand href=(super::HOME) {
                    img src=(assets::ICON.url()) alt="" width="24" height="24";
                    "Open Connectors"
                }
                @if let Some(visitor) = self.visitor {
                    nav aria-label="Main" {
                        @for part in Part::ALL {
                            a href=(part.url()) aria-current=[(self.part == Some(part)).then_some("page")] {
                                (part.name())
                            }
                        }
                    }
                    form.sign-out method="post" action="/ui/sign-out" {
                        (visitor.form_token())
                        button.quiet { "Sign out" }
                    }
                }
            }
        }
    }
}

/// Something for a page that is there already.
pub(super) fn fragment(content: &Markup) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, content.0.clone()).into_response()
}

/// A heading with what can be done beside it.
pub(super) fn heading(title: &str, actions: &Markup) -> Markup {
    html! { div.heading { h1 { (title) } div.actions { (actions) } } }
}

/// A number of things of one kind.
pub(super) fn several(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// An instant as people read it, in GMT; machines find the exact one beside it.
pub(super) fn instant(text: &str) -> Markup {
    let shown = text.get(..19).map(|text| text.replace('T', " "));
    html! { time datetime=(text) { (shown.as_deref().unwrap_or(text)) } }
}
