//! Dates in every documented form.

use super::*;

/// The events of records with these updated and created dates, given the date configuration.
async fn events(dates: Value, records: &[(Value, Value)]) -> Vec<String> {
    let records: Vec<Value> = (1..)
        .zip(records)
        .map(|(id, (updated, created))| json!({"id": id, "updated_at": updated, "created_at": created}))
        .collect();
    let book = Book::default();
    poll(&due(&json!({"datesConfiguration": dates})), &book, vec![page(&records)]).await.unwrap();
    book.events()
}

fn form(format: &str) -> Value {
    json!({"updatedDateField": "updated_at", "updatedDateFormat": format,
        "createdDateField": "created_at", "createdDateFormat": format})
}

#[tokio::test]
async fn epochs_are_read_in_each_unit_as_numbers_and_as_text() {
    let at = 1_700_000_000_i64;
    for (word, unit) in [("seconds", 1), ("timestamp", 1), ("milliseconds", 1_000), ("", 1_000_000)]
    {
        let (updated, created) = (at * unit, (at - 60) * unit);
        let records = [
            (json!(updated), json!(created)),
            (json!(updated.to_string()), json!(updated.to_string())),
        ];
        let expected = [format!("1 UPDATED {at}"), format!("2 CREATED {at}")];
        assert_eq!(events(form(word), &records).await, expected, "{word}");
    }
}

#[tokio::test]
async fn offsets_of_one_list_are_compared_as_instants() {
    let same = [
        "2026-11-01T01:30:00.5-05:00",
        "2026-11-01T02:30:00.5-04:00",
        "2026-11-01T12:00:00.5+05:30",
        "2026-11-01T06:30:00.5Z",
    ];
    let earlier = "2026-11-01T06:29:49Z";
    let records = same.map(|updated| (json!(updated), json!(earlier)));
    let told = events(form("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"), &records).await;
    let at = 1_793_514_600;
    let expected: Vec<String> = (1..=4).map(|id| format!("{id} UPDATED {at}")).collect();
    assert_eq!(told, expected);
}
