//! How the checks of all clients went, by client and by the dialect of the provider behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use testkit::Topology;

/// One check of one client.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    check: String,
    /// Of the provider behind; `None` where the check chooses its models itself.
    dialect: Option<String>,
    failure: Option<String>,
}

impl Outcome {
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.failure.as_ref()?;
        let dialect = self.dialect.as_deref().map(|dialect| format!(" over {dialect}")).unwrap_or_default();
        Some(format!("{}{dialect}: {failure}", self.check))
    }
}

/// The lines of a client's checks.
///
/// # Errors
/// When a line is not an outcome.
pub(crate) fn read(output: &str) -> anyhow::Result<Vec<Outcome>> {
    output.lines().filter(|line| line.starts_with('{')).map(outcome).collect()
}

fn outcome(line: &str) -> anyhow::Result<Outcome> {
    let value: Value = serde_json::from_str(line).with_context(|| format!("not an outcome: {line}"))?;
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Outcome {
        check: text("check").with_context(|| format!("no check: {line}"))?,
        dialect: text("dialect"),
        failure: text("failure"),
    })
}

/// The heading of the checks that choose their models themselves.
const OTHER: &str = "other";

/// Passed and all checks of one cell.
type Count = (usize, usize);

/// All checks of one client against one platform.
struct Run {
    topology: Topology,
    client: &'static str,
    outcomes: Vec<Outcome>,
}

/// All runs so far.
#[derive(Clone, Default)]
pub(crate) struct Matrix(Arc<Mutex<Vec<Run>>>);

impl Matrix {
    pub(super) fn add(&self, topology: Topology, client: &'static str, outcomes: Vec<Outcome>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Run { topology, client, outcomes });
    }

    /// The tables, one for each topology that clients were run against: passed checks of all, client by dialect.
    pub(crate) fn tables(&self) -> String {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tables = String::new();
        for topology in Topology::BOTH {
            let mut rows: BTreeMap<&str, BTreeMap<&str, Count>> = BTreeMap::new();
            let mut columns: Vec<&str> = Vec::new();
            for run in runs.iter().filter(|run| run.topology == topology) {
                for outcome in &run.outcomes {
                    let column = outcome.dialect.as_deref().unwrap_or(OTHER);
                    if !columns.contains(&column) {
                        columns.push(column);
                    }
                    let count = rows.entry(run.client).or_default().entry(column).or_default();
                    *count = (count.0 + usize::from(outcome.failure.is_none()), count.1 + 1);
                }
            }
            if !rows.is_empty() {
                tables.push_str(&table(topology.name(), &rows, &columns));
            }
        }
        tables
    }
}

/// Clients across, dialects down: there are more of them.
fn table(title: &str, rows: &BTreeMap<&str, BTreeMap<&str, Count>>, columns: &[&str]) -> String {
    let mut text = format!("\nchecks of official clients, {title}: passed/all\n{:<20}", "");
    for client in rows.keys() {
        let _ = write!(text, "{client:>28}");
    }
    for dialect in columns {
        let _ = write!(text, "\n{dialect:<20}");
        for counts in rows.values() {
            let cell = counts.get(dialect).map_or_else(|| "-".to_owned(), |(ok, all)| format!("{ok}/{all}"));
            let _ = write!(text, "{cell:>28}");
        }
    }
    text.push('\n');
    text
}
