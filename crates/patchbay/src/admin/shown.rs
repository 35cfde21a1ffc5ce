//! Answers as their readers want them: JSON for programs, tables for people.

use serde_json::Value;

use crate::say;

/// The head of a column and where its cells are in a row, as a JSON pointer.
pub(super) type Column = (&'static str, &'static str);

/// An answer, and how people read it.
pub(super) struct Shown {
    answer: Value,
    form: Form,
}

enum Form {
    /// Rows below heads.
    List(&'static [Column]),
    /// Names beside values.
    One(&'static [Column]),
}

impl Shown {
    pub(super) fn list(rows: Vec<Value>, columns: &'static [Column]) -> Self {
        Self { answer: Value::Array(rows), form: Form::List(columns) }
    }

    pub(super) fn one(answer: Value, columns: &'static [Column]) -> Self {
        Self { answer, form: Form::One(columns) }
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            say::line(serde_json::to_string_pretty(&self.answer)?);
        } else {
            say::line(self.table().trim_end());
        }
        Ok(())
    }

    fn table(&self) -> String {
        match self.form {
            Form::List(columns) => {
                let rows = self.answer.as_array().map(Vec::as_slice).unwrap_or_default();
                let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
                let cells = |row: &Value| columns.iter().map(|(_, at)| cell(row, at)).collect();
                let mut lines = vec![heads];
                lines.extend(rows.iter().map(cells));
                say::aligned(&lines)
            }
            Form::One(columns) => {
                let line = |(head, at): &Column| [(*head).to_owned(), cell(&self.answer, at)];
                let lines: Vec<[String; 2]> = columns.iter().map(line).collect();
                say::aligned(&lines)
            }
        }
    }
}

fn cell(row: &Value, at: &str) -> String {
    match row.pointer(at) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_unknown_is_a_dash() {
        let rows = vec![json!({"a": "x", "b": {"c": 7}}), json!({"a": null})];
        assert_eq!(Shown::list(rows, &[("A", "/a"), ("C", "/b/c")]).table(), "A  C\nx  7\n-  -\n");
        assert_eq!(Shown::one(json!({"a": ""}), &[("long", "/a")]).table(), "long  -\n");
    }
}
