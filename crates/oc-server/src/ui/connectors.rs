//! The catalogue: a card for each connector.

use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};

use super::fields::Fields;
use super::known_instance::KnownElement;
use super::layout::{Page, Part, heading};
use super::problem::Problem;
use super::visitor::Visitor;

/// `GET /ui/connectors`.
pub(super) async fn list(visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let searched = query.text("search");
    let mut all: Vec<KnownElement> = visitor.api.read("/elements").await?;
    let known = all.len();
    all.retain(|one| one.matches(searched));
    let content = html! {
        (heading("Connectors", &search(searched)))
        @if all.is_empty() { (nothing(searched, known)) }
        ul.cards { @for one in &all { (card(one)) } }
    };
    Ok(Page::of(&visitor, Part::Connectors, "Connectors").show(&content))
}

impl KnownElement {
    fn matches(&self, searched: &str) -> bool {
        let searched = searched.to_lowercase();
        let texts = [&self.name, &self.key, &self.description];
        let mut texts = texts.into_iter().chain(&self.hub);
        texts.any(|text| text.to_lowercase().contains(&searched))
    }

    /// Its picture, where it is in the definition itself: nothing is loaded from elsewhere.
    fn logo(&self) -> Markup {
        let image = self.image.as_deref().filter(|image| image.starts_with("data:image/"));
        html! {
            @if let Some(image) = image { img.logo src=(image) alt="" width="40" height="40"; }
            @else { span.logo aria-hidden="true" { (self.name.chars().next().unwrap_or('?')) } }
        }
    }
}

fn search(searched: &str) -> Markup {
    html! {
        form.search method="get" action="/ui/connectors" role="search" {
            input type="search" name="search" value=(searched) placeholder="Search connectors"
                aria-label="Search connectors";
            button { "Search" }
        }
    }
}

fn card(one: &KnownElement) -> Markup {
    html! {
        li.card {
            (one.logo())
            div {
                h2 { (one.name) }
                p.soft { code { (one.key) } @if let Some(hub) = &one.hub { " · " (hub) } }
                p { (one.description) }
                p { a.button.main href={ "/ui/connectors/" (one.key) "/new" } aria-label={ "Authenticate " (one.name) } { "Authenticate" } }
            }
        }
    }
}

fn nothing(searched: &str, known: usize) -> Markup {
    html! {
        div.empty {
            @if known == 0 {
                p { "There are no connectors." }
                p.soft { "Put definitions into the folder of " code { "OC_CONNECTORS_DIR" } " and start the server again." }
            } @else {
                p { "No connector matches “" (searched) "”." }
                p { a href="/ui/connectors" { "Show all " (known) } }
            }
        }
    }
}
