//! Words for the person at the terminal; logs go their own way.

use std::io::Write as _;

/// Prints one line on the standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    // Whoever closed the output has stopped reading.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints one step of what is being done.
pub(crate) fn step(text: impl std::fmt::Display) {
    line(format_args!("  {text}"));
}

/// Prints an error with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "patchbay: {error:#}");
}

/// Rows of equally many cells, in columns as wide as their widest cell.
pub(crate) fn aligned<R: AsRef<[String]>>(rows: &[R]) -> String {
    let columns = rows.first().map_or(0, |row| row.as_ref().len());
    let width =
        |n: usize| rows.iter().filter_map(|row| row.as_ref().get(n)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.as_ref().iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["a".to_owned(), "b".to_owned()], ["long".to_owned(), "c".to_owned()]];
        assert_eq!(aligned(&rows), "a     b\nlong  c\n");
        assert_eq!(aligned::<[String; 1]>(&[]), "");
    }
}
