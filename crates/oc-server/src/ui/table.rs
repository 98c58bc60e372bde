//! Tables: on a narrow screen each row is a card, and each cell has the name of its column.

use maud::{Markup, html};

/// Rows below the names of their columns.
pub(super) fn table<const N: usize>(
    columns: [&str; N],
    rows: impl IntoIterator<Item = [Markup; N]>,
) -> Markup {
    html! {
        table.rows {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody {
                @for cells in rows {
                    tr {
                        @for (column, cell) in columns.into_iter().zip(cells) {
                            td data-label=(column) { (cell) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_has_the_name_of_its_column() {
        let shown = table(["A", "B"], [[html! { "1" }, html! { "<" }]]).0;
        assert!(shown.contains("<tr><th scope=\"col\">A</th><th scope=\"col\">B</th></tr>"));
        let row = "<tr><td data-label=\"A\">1</td><td data-label=\"B\">&lt;</td></tr>";
        assert!(shown.contains(row), "{shown}");
    }
}
