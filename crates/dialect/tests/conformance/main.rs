//! Every recorded exchange with a provider, through everything that this crate would do with it.
//!
//! One test for each: the provider's answer is read (streams cut at every byte), compared with what its publisher
//! found in it, its count of tokens with what the provider means by it; then it is written for clients of every
//! dialect and checked against the public description; errors are classed; requests that are in a client's dialect
//! are read and written for the same provider with nothing lost. In the end a table says what was proven.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the table is what this test is for")]

mod answers;
mod clients;
mod errors;
mod fixtures;
mod known;
mod problems;
mod received;
mod requests;
mod routes;
mod schemas;
mod table;
mod usage;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use dialect::client::Dialect;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use fixtures::Case;
use problems::Problems;
use requests::Outcome;
use routes::{Endpoint, Route};
use schemas::Schemas;
use table::{Place, Table};

struct Proof {
    catalogue: Value,
    /// Absent where the reference is.
    schemas: Option<Schemas>,
    table: Mutex<Table>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(cases) = fixtures::cases() else {
        println!("SKIPPED: no recorded traffic at ../shared/fixtures; nothing is proven here");
        return ExitCode::SUCCESS;
    };
    let reference = fixtures::shared("PATCHBAY_REFERENCE", "reference");
    if reference.is_none() {
        println!(
            "SKIPPED: no reference at ../shared/reference; answers are not compared with the public description"
        );
    }
    let proof = Arc::new(Proof {
        catalogue: routes::catalogue(),
        schemas: reference.map(|folder| Schemas::read(&folder.join("openrouter.openapi.yaml"))),
        table: Mutex::default(),
    });
    let count = cases.len();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|case| {
            let proof = Arc::clone(&proof);
            Trial::test(case.name.clone(), move || proof.prove(&case))
        })
        .collect();
    let whole = Arc::clone(&proof);
    trials.push(Trial::test("the description knows its own examples", move || whole.examples()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if arguments.list || conclusion.num_filtered_out > 0 || conclusion.has_failed() {
        return conclusion.exit_code();
    }
    let table = proof.table.lock().expect("no test failed");
    println!("{}", table.print());
    assert_eq!((count, table.count()), (fixtures::COUNT, fixtures::COUNT), "no case is left out");
    for (index, (case, fault, _)) in known::FAULTS.iter().enumerate() {
        assert!(table.met(index), "`{fault}` of `{case}` is gone: take it off the list");
    }
    conclusion.exit_code()
}

impl Proof {
    fn prove(&self, case: &Case) -> Result<(), Failed> {
        let mut problems = Problems::default();
        let (place, proven) = self.place(case, &mut problems);
        let mut unknown = Vec::new();
        let mut table = self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for problem in problems.all() {
            let known = known::FAULTS
                .iter()
                .position(|(name, fault, _)| case.name.contains(name) && problem.contains(fault));
            match known {
                Some(index) => table.fault(index),
                None => unknown.push(problem),
            }
        }
        table.add(case, place, &proven);
        if unknown.is_empty() { Ok(()) } else { Err(unknown.join("\n").into()) }
    }

    fn place(&self, case: &Case, problems: &mut Problems) -> (Place, Vec<&'static str>) {
        let endpoint = match routes::route(case, &self.catalogue) {
            Route::NoAdapter(reason) => return (Place::NoAdapter(reason), Vec::new()),
            Route::To(endpoint) => endpoint,
        };
        let is_case_of = |(provider, api): &(&str, &str)| {
            *api == case.api && (provider.is_empty() || *provider == case.provider)
        };
        if known::WITHOUT_ADAPTER.iter().any(is_case_of) {
            return (Place::NotYet, Vec::new());
        }
        let mut proven = Vec::new();
        let place = if case.status == 200 {
            proven.extend(self.answer(case, &endpoint, problems).iter().map(|dialect| dialect.as_str()));
            Place::Answer
        } else {
            let dialects = errors::check(case, &endpoint, self.schemas.as_ref(), problems);
            proven.extend(dialects.iter().map(|dialect| dialect.as_str()));
            Place::Error
        };
        let outcome = requests::check(case, &endpoint, problems);
        if outcome == Outcome::Carried {
            proven.push("request");
        }
        let word = match outcome {
            Outcome::Carried => "carried whole",
            Outcome::Refused => "refused as the provider did",
            Outcome::NotOurs => "in a provider's own form",
            Outcome::Absent => "not recorded",
        };
        self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner).request(word);
        (place, proven)
    }

    /// Proves an answer with a good status; in which client dialects.
    fn answer(&self, case: &Case, endpoint: &Endpoint, problems: &mut Problems) -> Vec<Dialect> {
        problems.at("answer");
        let events = answers::read(case, endpoint, problems);
        let answer = answers::fold(&events);
        answers::check(case, endpoint.operation, &answer, problems);
        if answer.failure.is_none() {
            usage::check(case, answer.usage.as_ref(), problems);
        }
        let mut proven = Vec::new();
        for dialect in clients::dialects(endpoint.operation) {
            if known::is_served(*dialect) && clients::fits(*dialect, &answer) {
                clients::check(*dialect, &events, &answer, self.schemas.as_ref(), problems);
                proven.push(*dialect);
            }
        }
        proven
    }

    /// A description that refused its own examples would have been misread.
    fn examples(&self) -> Result<(), Failed> {
        let Some(schemas) = &self.schemas else { return Ok(()) };
        let components = ["ChatResult", "ChatStreamChunk", "OpenResponsesResult", "MessagesResult"];
        let mut faults = Vec::new();
        for component in components {
            let Some(example) = schemas.example(component) else { continue };
            let pointer = format!("/components/schemas/{component}");
            faults.extend(schemas.faults(&pointer, &example));
            let mut broken = example;
            broken["id"] = Value::from(7);
            assert!(!schemas.faults(&pointer, &broken).is_empty(), "{component} takes anything");
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
    }
}
