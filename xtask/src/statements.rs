//! No statement is put together from texts. `query!` takes a literal, and the other functions of sqlx only texts of
//! the program itself, unless told that a text is safe; this finds where they are told so, and where statements of
//! migrations run what they have put together.

use std::fs;
use std::path::Path;

use anyhow::bail;

use crate::lint::find_code;
use crate::shell::root;

/// What takes a statement that the compiler knows nothing of.
const UNCHECKED: [&str; 3] = ["AssertSqlSafe", "QueryBuilder", "raw_sql("];

/// Where either is right, and why.
const ALLOWED: [(&str, &str); 11] = [
    ("crates/backing/src/postgres/", "names of databases cannot be bound; they are checked letter by letter"),
    ("crates/edge/src/store/erasures.rs", "names of tables, from the plan in the program"),
    ("crates/testkit/", "for tests: names of tables, which the database itself lists"),
    ("migrations/20261127020100_ledger_invariants.sql", "numbers of invariants, from a list in the function"),
    ("migrations/20261127020200_ledger_reads.sql", "conditions whose values are %L; a number"),
    ("migrations/20261127030000_billing_rollups.sql", "columns from a list in the schema; values are %L"),
    ("migrations/20261127030100_billing_retention.sql", "functions, from a list in the migration"),
    ("migrations/20261129060000_billing_analytics.sql", "columns and pieces from lists in the schema"),
    (
        "migrations/20261201040000_billing_lean_rollups.sql",
        "columns from lists in the schema; values are bound",
    ),
    ("migrations/20261202020000_billing_ledger_list.sql", "conditions whose values are %L; a number"),
    ("migrations/20261203010000_billing_ledger_newest.sql", "conditions whose values are %L; a number"),
];

/// Fails where a statement of the product is put together.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for krate in fs::read_dir(root().join("crates"))? {
        let mut files = Vec::new();
        find_code(&krate?.path().join("src"), &mut files)?;
        for file in files {
            let found = unchecked(&fs::read_to_string(&file)?).map(str::to_owned).collect();
            wrong.extend(forbidden(&file, found));
        }
    }
    for migration in fs::read_dir(root().join("migrations"))? {
        let file = migration?.path();
        if file.extension().is_some_and(|ending| ending == "sql") {
            let found = executed(&fs::read_to_string(&file)?).collect();
            wrong.extend(forbidden(&file, found));
        }
    }
    if wrong.is_empty() { Ok(()) } else { bail!("bind what a statement needs:\n{}", wrong.join("\n")) }
}

/// What was found in a file, unless it is allowed there.
fn forbidden(file: &Path, found: Vec<String>) -> Vec<String> {
    let name = file.strip_prefix(root()).unwrap_or(file).display().to_string();
    if ALLOWED.iter().any(|(allowed, _)| name.starts_with(allowed)) {
        return Vec::new();
    }
    found.into_iter().map(|line| format!("{name}: {}", line.trim())).collect()
}

/// Lines that hand over a statement unchecked.
fn unchecked(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| UNCHECKED.iter().any(|word| line.contains(word)))
}

/// Statements that are run by `execute` with something put in that is neither quoted as a name (`%I`) nor as a
/// literal (`%L`). Each goes on until its semicolon.
fn executed(text: &str) -> impl Iterator<Item = String> + '_ {
    let begins = text.match_indices("execute ").map(|(at, word)| &text[at + word.len()..]);
    begins.filter_map(|rest| {
        let statement = rest.split(";\n").next().unwrap_or_default();
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_formatted = statement.starts_with("format(") && puts_texts_in(&statement);
        let is_joined = statement.starts_with('\'') && statement.contains("||");
        (is_formatted || is_joined || statement.starts_with("v_")).then_some(statement)
    })
}

/// Whether a format has `%s` or `%1$s`; `%%s` is a text for another one.
fn puts_texts_in(format: &str) -> bool {
    format.replace("%%", "").split('%').skip(1).any(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('$').starts_with('s')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_is_found() {
        let text = "let a = sqlx::query!(\"select 1\");\nsqlx::query(AssertSqlSafe(format!(\"{a}\")));\n";
        assert_eq!(unchecked(text).count(), 1);
        let migration = "grant execute on function f to r;\nexecute format('drop table %I', v);\n\
                         execute format('drop table %1$s',\n v);\nexecute 'drop table ' || v;\n";
        let found: Vec<String> = executed(migration).collect();
        assert_eq!(found, ["format('drop table %1$s', v)", "'drop table ' || v"]);
    }

    #[test]
    fn the_product_puts_no_statement_together() {
        check().unwrap();
    }
}
