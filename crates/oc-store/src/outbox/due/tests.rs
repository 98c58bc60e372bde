//! What is due is found by walking indexes, however much waits.

use super::*;

#[test]
fn nothing_is_scanned_or_sorted_to_find_what_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let (_lock, sql, _) = crate::sqlite::exclusive(&folder.path().join("oc.db")).unwrap();
    for queue in [NEW, REPLAYS] {
        for text in [queue.due, queue.next_place, queue.due_there, queue.waiting] {
            let values = vec![1; (1..=4).filter(|at| text.contains(&format!("?{at}"))).count()];
            let explain = format!("EXPLAIN QUERY PLAN {text}");
            let plan: Vec<String> = sql.all(&explain, values, |row| row.get(3)).unwrap();
            assert!(!plan.is_empty());
            let walks = |step: &String| !step.starts_with("SCAN") && !step.contains("B-TREE");
            assert!(plan.iter().all(walks), "{text}: {plan:?}");
        }
    }
}
