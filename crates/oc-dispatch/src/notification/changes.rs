//! How the changes of an event are written (notifications.md, "changes").

use oc_poll::{Change, Changes};

use super::Text;

impl Text {
    /// The members `changes` and, when something is missing in them, `changesComplete`.
    pub(super) fn changes(&mut self, changes: &Changes) {
        self.raw(r#","changes":["#);
        for (at, change) in changes.fields.iter().enumerate() {
            self.raw(if at == 0 { "" } else { "," }).change(change);
        }
        self.raw(if changes.complete { "]" } else { r#"],"changesComplete":false"# });
    }

    fn change(&mut self, change: &Change) {
        self.raw(r#"{"field":"#).text(&change.field);
        self.raw(r#","old":"#).raw(&change.old.json);
        self.raw(r#","new":"#).raw(&change.new.json);
        self.raw(match (change.old.cut, change.new.cut) {
            (false, false) => "}",
            (true, false) => r#","cut":["old"]}"#,
            (false, true) => r#","cut":["new"]}"#,
            (true, true) => r#","cut":["old","new"]}"#,
        });
    }
}

#[cfg(test)]
mod tests {
    use oc_poll::Shown;

    use super::*;

    fn written(fields: Vec<Change>, complete: bool) -> String {
        let mut text = Text(Vec::new());
        text.changes(&Changes { fields, complete });
        String::from_utf8(text.0).unwrap()
    }

    fn change(field: &str, old: (&str, bool), new: (&str, bool)) -> Change {
        let shown = |(json, cut): (&str, bool)| Shown { json: json.to_owned(), cut };
        Change { field: field.to_owned(), old: shown(old), new: shown(new) }
    }

    #[test]
    fn each_change_is_the_documented_one() {
        let title = change("title", ("\"A\"", false), ("\"B\"", false));
        let expected = r#","changes":[{"field":"title","old":"A","new":"B"}]"#;
        assert_eq!(written(vec![title], true), expected);
    }

    #[test]
    fn what_is_missing_is_told() {
        let fields = vec![
            change("/a/\"b", ("null", false), ("\"B\"", true)),
            change("n", ("1.50", false), ("[1]", false)),
        ];
        let expected = r#","changes":[{"field":"/a/\"b","old":null,"new":"B","cut":["new"]},{"field":"n","old":1.50,"new":[1]}],"changesComplete":false"#;
        assert_eq!(written(fields, false), expected);
    }

    #[test]
    fn an_update_that_changed_nothing_that_is_told_says_so() {
        assert_eq!(written(vec![], true), r#","changes":[]"#);
    }
}
