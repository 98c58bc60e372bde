//! The events of a notification: what has changed of each record, and the record.

use maud::{Markup, html};
use serde_json::value::RawValue;

use super::pretty::pretty;
use super::room::Room;
use crate::ui::known_event::{Change, KnownEvent, Told};
use crate::ui::layout::instant;

/// Every event with its record, or all records after them where they cannot be told apart.
pub(super) fn list(event: &KnownEvent) -> Markup {
    let mut room = Room::new();
    let records: Vec<&RawValue> = serde_json::from_str(&event.provider_data).unwrap_or_default();
    let is_alone = event.events.len() == 1;
    // With `event.raw.full` a notification repeats the records of the others of its batch.
    let is_matched = records.len() == event.events.len();
    html! {
        @for (at, one) in event.events.iter().enumerate() {
            article.panel.told {
                h3 { (one.kind()) " " (one.object_id) " " span.soft { (instant(&one.date)) " GMT" } }
                (changes(one))
                @if is_matched && let Some(record) = records.get(at) {
                    details open[is_alone] {
                        summary { "Record" }
                        (room.block(&pretty(record.get())))
                    }
                }
            }
        }
        @if !is_matched { (room.block(&pretty(&event.provider_data))) }
    }
}

fn changes(one: &Told) -> Markup {
    html! {
        @match one.changes.as_deref() {
            None => {},
            Some([]) => p.soft { "None of the compared fields has changed." },
            Some(changes) => {
                table.rows {
                    thead { tr {
                        th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" }
                    } }
                    tbody { @for change in changes { (row(change)) } }
                }
            }
        }
        @if !one.changes_complete {
            p.soft { "Large values are cut, and only the first hundred changes are told." }
        }
    }
}

fn row(change: &Change) -> Markup {
    let cut = |side: &str| change.cut.iter().any(|cut| cut == side);
    html! {
        tr {
            td data-label="Field" { code { (change.field) } }
            td.old data-label="Before" { (value(&change.old, cut("old"))) }
            td.new data-label="After" { (value(&change.new, cut("new"))) }
        }
    }
}

/// Texts as they are, everything else as the JSON that the provider wrote.
fn value(value: &RawValue, is_cut: bool) -> Markup {
    html! {
        @if value.get() == "null" { span.soft { "nothing" } }
        @else if let Ok(text) = serde_json::from_str::<String>(value.get()) { (text) }
        @else { code { (value.get()) } }
        @if is_cut { "…" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_and_what_is_stand_side_by_side_as_the_provider_wrote_them() {
        let told = r#"{"objectId":"7","eventType":"UPDATED","date":"","changes":[
            {"field":"amount","old":1.50,"new":12345678901234567890123},
            {"field":"title","old":null,"new":"<b>\u00e9\"","cut":["new"]},
            {"field":"tags","old":[1.0, "a"],"new":{}}]}"#;
        let shown = changes(&serde_json::from_str(told).unwrap()).0;
        for cell in [
            r#"<td class="old" data-label="Before"><code>1.50</code></td>"#,
            r#"<td class="new" data-label="After"><code>12345678901234567890123</code></td>"#,
            r#"<td class="old" data-label="Before"><span class="soft">nothing</span></td>"#,
            r#"<td class="new" data-label="After">&lt;b&gt;é&quot;…</td>"#,
            r#"<code>[1.0, &quot;a&quot;]</code>"#,
        ] {
            assert!(shown.contains(cell), "{cell} in {shown}");
        }
    }
}
