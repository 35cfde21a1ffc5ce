//! Answers and requests of our own making, damaged.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use super::checks::choice::{TARGETS, Target};

/// The seeds of a fuzz target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
    CutOff(Index),
}

/// Bytes that mean something in JSON and in framings, and some that do not belong.
const SIGNS: &[u8] = b"\"{}[]:,\\0-9.eEtfn \n\r\x00\xff\xc3";

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), select(SIGNS)).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        3 => (index(), proptest::collection::vec(select(SIGNS), 1..6)).prop_map(|(at, more)| Damage::Insert(at, more)),
        2 => (index(), index()).prop_map(|(from, to)| Damage::Remove(from, to)),
        2 => (index(), index()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        1 => index().prop_map(Damage::CutOff),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    let range = |from: &Index, to: &Index| {
        let (from, to) = (from.index(length), to.index(length));
        from.min(to)..from.max(to).min(from.min(to) + 200)
    };
    match damage {
        Damage::Replace(at, byte) => bytes[at.index(length)] = *byte,
        Damage::Insert(at, more) => {
            let at = at.index(length);
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Remove(from, to) => drop(bytes.drain(range(from, to))),
        Damage::Repeat(from, to) => {
            let range = range(from, to);
            let again = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, again);
        }
        Damage::CutOff(at) => bytes.truncate(at.index(length)),
    }
}

/// Tries a target on its seeds as they are, and damaged in so many ways.
fn damaged(target: &Target, cases: u32) {
    let seeds = seeds(target.name);
    for seed in &seeds {
        (target.check)(seed);
    }
    let strategy = (select(seeds), proptest::collection::vec(damage(), 1..5));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(mut bytes, damages)| {
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        (target.check)(&bytes);
        TestCaseResult::Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", target.name));
}

#[test]
fn nothing_that_comes_breaks_a_reader() {
    std::thread::scope(|scope| {
        for half in [&TARGETS[..TARGETS.len() / 2], &TARGETS[TARGETS.len() / 2..]] {
            scope.spawn(|| half.iter().for_each(|target| damaged(target, 400)));
        }
    });
}

/// Targets of other crates, with properties of their own.
const ELSEWHERE: [&str; 1] = ["content_filter"];

#[test]
fn every_target_has_its_seeds_and_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let named = |name: &str, ending: &str| {
        let mut names: Vec<String> = std::fs::read_dir(folder.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(ending, ""))
            .collect();
        names.sort();
        names
    };
    let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    targets.extend(ELSEWHERE.map(str::to_owned));
    targets.sort();
    assert_eq!(named("seeds", "-"), targets);
    assert_eq!(named("targets", ".rs"), targets);
}
