//! What was proven, by provider, situation and client dialect.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::fixtures::Case;

/// Where an exchange ended up; each is in exactly one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// An answer, read and written again.
    Answer,
    /// An error, classed and written again.
    Error,
    NoAdapter(&'static str),
    NotYet,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    places: BTreeMap<(String, &'static str), usize>,
    /// By provider and situation, then by column.
    cells: BTreeMap<(String, String), BTreeMap<&'static str, usize>>,
    /// Wire formats that need no adapter, with the reason and the cases.
    bare: BTreeMap<(String, &'static str), Vec<String>>,
    requests: BTreeMap<&'static str, usize>,
    faults: BTreeSet<usize>,
}

const COLUMNS: [&str; 8] =
    ["cases", "chat", "responses", "messages", "completions", "embeddings", "rerank", "request"];

impl Table {
    /// Notes one exchange and the columns that it was proven in.
    pub(crate) fn add(&mut self, case: &Case, place: Place, proven: &[&'static str]) {
        let (name, reason) = match place {
            Place::Answer => ("answers", None),
            Place::Error => ("errors", None),
            Place::NoAdapter(reason) => ("no adapter needed", Some(reason)),
            Place::NotYet => ("not yet", None),
        };
        *self.places.entry((case.provider.clone(), name)).or_default() += 1;
        if let Some(reason) = reason {
            self.bare.entry((case.api.clone(), reason)).or_default().push(case.name.clone());
        }
        for situation in &case.shows {
            let cell = self.cells.entry((case.provider.clone(), situation.clone())).or_default();
            for column in ["cases"].iter().chain(proven) {
                *cell.entry(column).or_default() += 1;
            }
        }
    }

    pub(crate) fn request(&mut self, outcome: &'static str) {
        *self.requests.entry(outcome).or_default() += 1;
    }

    /// A known fault was met.
    pub(crate) fn fault(&mut self, index: usize) {
        self.faults.insert(index);
    }

    pub(crate) fn met(&self, index: usize) -> bool {
        self.faults.contains(&index)
    }

    /// How many exchanges are in it.
    pub(crate) fn count(&self) -> usize {
        self.places.values().sum()
    }

    pub(crate) fn print(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "\n{:52}{}",
            "provider, situation",
            COLUMNS.map(|name| format!("{name:>12}")).concat()
        );
        for ((provider, situation), cell) in &self.cells {
            let counts = COLUMNS.map(|name| match cell.get(name) {
                Some(count) => format!("{count:>12}"),
                None => format!("{:>12}", "-"),
            });
            let _ = writeln!(out, "{:52}{}", format!("{provider}, {situation}"), counts.concat());
        }
        let places = ["answers", "errors", "no adapter needed", "not yet"];
        let _ = writeln!(
            out,
            "\n{:24}{}{:>12}",
            "provider",
            places.map(|name| format!("{name:>20}")).concat(),
            "sum"
        );
        let providers: BTreeSet<&String> = self.places.keys().map(|(provider, _)| provider).collect();
        for provider in providers {
            let counts =
                places.map(|place| self.places.get(&(provider.clone(), place)).copied().unwrap_or_default());
            let line = counts.map(|count| format!("{count:>20}")).concat();
            let _ = writeln!(out, "{provider:24}{line}{:>12}", counts.iter().sum::<usize>());
        }
        let sums = places.map(|place| {
            self.places.iter().filter(|((_, name), _)| *name == place).map(|(_, count)| count).sum::<usize>()
        });
        let line = sums.map(|count| format!("{count:>20}")).concat();
        let _ = writeln!(out, "{:24}{line}{:>12}", "all", self.count());
        let _ = writeln!(out, "\nrequests: {:?}", self.requests);
        let _ = writeln!(out, "\nno adapter is needed for");
        for ((api, reason), cases) in &self.bare {
            let _ = writeln!(out, "- {api}: {reason}\n  {}", cases.join("\n  "));
        }
        out
    }
}
