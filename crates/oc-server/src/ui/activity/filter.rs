//! Which notifications a page of the activity lists: as a form, a link, and a call of the API.

use maud::{Markup, html};
use url::form_urlencoded::Serializer;

use crate::api::Refused;
use crate::ui::fields::Fields;
use crate::ui::known_event::STATUSES;

/// Notifications a page.
const PAGE: &str = "50";
/// Where a page begins that is not the first.
const AFTER: &str = "after";
/// Whether the list stands still.
const PAUSED: &str = "paused";
/// The fields, and what the API calls them; the instance is a part of the path.
const NAMES: [(&str, &str); 5] = [
    ("resource", "objectType"),
    ("type", "eventType"),
    ("status", "status"),
    ("from", "from"),
    ("to", "to"),
];
/// The types of events, and how the page calls them.
const TYPES: [(&str, &str); 3] =
    [("CREATED", "Created"), ("UPDATED", "Updated"), ("DELETED", "Deleted")];

/// What the query of the page says.
pub(super) struct Filter(pub(super) Fields);

impl Filter {
    /// The call that answers the page.
    pub(super) fn call(&self) -> Result<String, Refused> {
        let mut asked = Serializer::new(String::new());
        asked.append_pair("pageSize", PAGE);
        for (own, name) in NAMES.into_iter().chain([(AFTER, "nextPage")]) {
            let text = self.0.text(own);
            if !text.is_empty() {
                asked.append_pair(name, text);
            }
        }
        let (instance, asked) = (self.0.text("instance"), asked.finish());
        if instance.is_empty() {
            return Ok(format!("/instances/events?{asked}"));
        }
        let number: i64 = instance
            .parse()
            .map_err(|_| Refused::of_page("the number of an instance was expected, as 1"))?;
        Ok(format!("/instances/{number}/events?{asked}"))
    }

    /// Whether it leaves anything out.
    pub(super) fn is_narrow(&self) -> bool {
        self.named().any(|(_, text)| !text.is_empty())
    }

    /// Whether this is not the first page.
    pub(super) fn is_behind(&self) -> bool {
        !self.0.text(AFTER).is_empty()
    }

    /// Whether what is new is shown at once: on the first page, unless it is to stand still.
    pub(super) fn is_followed(&self) -> bool {
        !self.is_behind() && self.0.text(PAUSED).is_empty()
    }

    /// The stream of this page.
    pub(super) fn live(&self) -> String {
        format!("/ui/activity/live?{}", self.query().finish())
    }

    /// The first page, standing still or followed.
    pub(super) fn paused(&self, paused: bool) -> String {
        let mut query = self.query();
        if paused {
            query.append_pair(PAUSED, "yes");
        }
        format!("/ui/activity?{}", query.finish())
    }

    /// The page that begins there, or the first.
    pub(super) fn link(&self, after: Option<&str>) -> String {
        let mut link = self.query();
        if let Some(after) = after {
            link.append_pair(AFTER, after);
        }
        format!("/ui/activity?{}", link.finish())
    }

    pub(super) fn form(&self) -> Markup {
        let text = |name| self.0.text(name);
        html! {
            form.filters method="get" action="/ui/activity" role="search" {
                div.field {
                    label for="instance" { "Instance" }
                    input #instance name="instance" inputmode="numeric" placeholder="Number" value=(text("instance"));
                }
                div.field {
                    label for="resource" { "Resource" }
                    input #resource name="resource" value=(text("resource"));
                }
                (self.choice("type", "Type", TYPES))
                (self.choice("status", "State", STATUSES.map(|(status, _, label)| (status, label))))
                (self.instant("from", "From (GMT)"))
                (self.instant("to", "To (GMT)"))
                button { "Filter" }
            }
        }
    }

    /// One of some values, or any.
    fn choice<const N: usize>(
        &self,
        name: &str,
        label: &str,
        values: [(&'static str, &'static str); N],
    ) -> Markup {
        html! {
            div.field {
                label for=(name) { (label) }
                select id=(name) name=(name) {
                    option value="" { "Any" }
                    @for (value, label) in values {
                        option value=(value) selected[self.0.text(name) == value] { (label) }
                    }
                }
            }
        }
    }

    /// What browsers would not show in a field for instants stands in one for text, to be mended.
    fn instant(&self, name: &str, label: &str) -> Markup {
        let text = self.0.text(name);
        let is_shown = text.is_empty() || (text.len() == 16 && text.as_bytes()[10] == b'T');
        html! {
            div.field.instant {
                label for=(name) { (label) }
                input id=(name) name=(name) type=(if is_shown { "datetime-local" } else { "text" })
                    value=(text);
            }
        }
    }

    /// What is filtered by, as a query.
    fn query(&self) -> Serializer<'_, String> {
        let mut query = Serializer::new(String::new());
        for (name, text) in self.named().filter(|(_, text)| !text.is_empty()) {
            query.append_pair(name, text);
        }
        query
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = NAMES.into_iter().map(|(own, _)| own);
        names.chain(["instance"]).map(|name| (name, self.0.text(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Filter {
        Filter(Fields::read(query.as_bytes()))
    }

    #[test]
    fn a_filter_becomes_a_call_and_a_link() {
        let asked = filter("instance=7&resource=a%26b&status=&after=x%3D&to=2026-11-24T12%3A00");
        let call =
            "/instances/7/events?pageSize=50&objectType=a%26b&to=2026-11-24T12%3A00&nextPage=x%3D";
        assert_eq!(asked.call().unwrap(), call);
        let link = "/ui/activity?resource=a%26b&to=2026-11-24T12%3A00&instance=7&after=y%2B";
        assert_eq!(asked.link(Some("y+")), link);
        assert!(asked.is_narrow() && asked.is_behind());
        assert_eq!(filter("").call().unwrap(), "/instances/events?pageSize=50");
        assert_eq!(
            asked.live(),
            "/ui/activity/live?resource=a%26b&to=2026-11-24T12%3A00&instance=7"
        );
        assert!(!asked.is_followed() && filter("status=NEW").is_followed());
        assert!(!filter("paused=yes").is_followed());
        assert!(!filter("after=x").is_narrow() && !filter("instance=1").is_behind());
    }

    #[test]
    fn the_type_of_an_event_is_asked_for_and_chosen_in_the_form() {
        let deleted = filter("type=DELETED");
        assert_eq!(deleted.call().unwrap(), "/instances/events?pageSize=50&eventType=DELETED");
        assert!(deleted.is_narrow());
        let chosen = r#"<option value="DELETED" selected>Deleted</option>"#;
        assert!(deleted.form().0.contains(chosen));
    }

    #[test]
    fn no_text_of_the_query_becomes_a_part_of_the_path() {
        assert!(filter("instance=1%2F..%2F2").call().is_err());
    }
}
