//! Tables whose columns stand below one another, whatever the script of their texts.

use crate::text::{columns, padded};

/// Rows of cells; the first one is the head. The first column stands at the left, all others at the
/// right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head. Each row that follows has as many cells.
    pub(super) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    pub(super) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// How wide the widest row is, in columns of a terminal.
    pub(super) fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
    }

    /// The rows, a line each.
    pub(super) fn text(&self) -> String {
        let widths = self.widths();
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| columns(cell)).max().unwrap_or_default()
        };
        (0..count).map(width).collect()
    }
}

/// How many spaces stand between two columns.
const GAP: usize = 2;

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        if at == 0 {
            text += &padded(cell, *width);
        } else {
            let missing = width.saturating_sub(columns(cell)) + GAP;
            text += &" ".repeat(missing);
            text += cell;
        }
    }
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_one_another_in_any_script() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut table = Table::new(row(["device", "Temperature", "age"]));
        table.add(row(["寝室", "17.6 °C", "2 min"]));
        table.add(row(["Living room", "-", "41 d"]));
        assert_eq!(table.width(), 31);
        assert_eq!(
            table.text(),
            "\
device       Temperature    age
寝室             17.6 °C  2 min
Living room            -   41 d
"
        );
    }
}
