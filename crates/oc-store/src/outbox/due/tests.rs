//! What is due is found by walking indexes, however much waits.

use super::*;

#[test]
fn nothing_is_scanned_or_sorted_to_find_what_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let (_lock, sql, _) = crate::sqlite::exclusive(&folder.path().join("oc.db")).unwrap();
    for queue in [NEW, REPLAYS] {
        for text in [queue.due(&sql), queue.places().unwrap(), queue.due_there(&sql)] {
            let values = vec![1_i64; (1..=4).filter(|at| text.contains(&format!("?{at}"))).count()];
            let explain = format!("EXPLAIN QUERY PLAN {text}");
            let plan: Vec<String> = sql.all(&explain, values, |row| row.get(3)).unwrap();
            assert!(!plan.is_empty());
            // Nothing of the table itself is read but what is found.
            let walks = |step: &String| {
                (!step.starts_with("SCAN") || step.contains("USING COVERING INDEX"))
                    && !step.contains("B-TREE")
            };
            assert!(plan.iter().all(walks), "{text}: {plan:?}");
        }
    }
}
