//! The list of instances: searched, with their state at a glance, page by page.

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded::Serializer;

use super::fields::Fields;
use super::instance::actions;
use super::known_instance::{KnownInstance, tags};
use super::layout::{Page, Part, heading, instant};
use super::problem::Problem;
use super::table::table;
use super::visitor::Visitor;
use crate::api::Answered;

/// Instances a page.
const PAGE: &str = "50";

/// `GET /ui/instances`.
pub(super) async fn list(visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let content = match visitor.api.get(&format!("/instances?{}", asked(&query))).await {
        Ok(answer) => found(&query, answer)?,
        // What a filter does not find is answered so.
        Err(refused) if refused.status == StatusCode::NOT_FOUND => html! {
            (heading("Instances", &search(&query)))
            div.empty {
                p { "No instance matches." }
                p { a href=(super::HOME) { "Show all" } }
            }
        },
        Err(refused) => return Err(refused.into()),
    };
    let content = html! { (actions::done(query.text("done"))) (content) };
    Ok(Page::of(&visitor, Part::Instances, "Instances").show(&content))
}

fn asked(query: &Fields) -> String {
    let mut asked = Serializer::new(String::new());
    asked.append_pair("pageSize", PAGE);
    for (own, name) in [("search", "searchText"), ("tag", "tags[]"), ("after", "nextPage")] {
        let text = query.text(own);
        if !text.is_empty() {
            asked.append_pair(name, text);
        }
    }
    asked.finish()
}

fn found(query: &Fields, answer: Answered) -> Result<Markup, Problem> {
    let next = answer.header("elements-next-page-token").map(str::to_owned);
    let total = answer.header("elements-total-count").unwrap_or_default().to_owned();
    let read: Result<Vec<KnownInstance>, _> = answer.into();
    let instances = read?;
    Ok(html! {
        (heading("Instances", &search(query)))
        @if instances.is_empty() {
            div.empty {
                p { "There are no instances yet." }
                p.soft { "An instance connects one account of a provider, and says what of it is polled." }
                p { a.button.main href="/ui/connectors" { "Choose a connector" } }
            }
        } @else {
            (table(COLUMNS, instances.iter().map(row)))
            nav.pages aria-label="Pages" {
                span.soft { (total) " in all" }
                @if let Some(next) = next { a.button href=(page_after(query, &next)) { "Next page" } }
            }
        }
    })
}

fn search(query: &Fields) -> Markup {
    html! {
        form.search method="get" action=(super::HOME) role="search" {
            input type="search" name="search" value=(query.text("search"))
                placeholder="Search names" aria-label="Search names";
            input type="search" name="tag" value=(query.text("tag"))
                placeholder="Tag" aria-label="Tag";
            button { "Search" }
        }
    }
}

/// What is told of each.
const COLUMNS: [&str; 5] = ["Name", "State", "Connector", "Tags", "Created (GMT)"];

fn row(one: &KnownInstance) -> [Markup; 5] {
    [
        html! {
            a href={ (super::HOME) "/" (one.id) } { (one.name) } " " span.soft { "#" (one.id) }
        },
        one.condition().badge(),
        html! { @if let Some(element) = &one.element { (element.name) } },
        tags(&one.tags),
        instant(&one.created_date),
    ]
}

fn page_after(query: &Fields, next: &str) -> String {
    let mut link = Serializer::new(String::new());
    for name in ["search", "tag"] {
        let text = query.text(name);
        if !text.is_empty() {
            link.append_pair(name, text);
        }
    }
    link.append_pair("after", next);
    format!("{}?{}", super::HOME, link.finish())
}
