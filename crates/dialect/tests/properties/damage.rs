//! Answers and requests of our own making, damaged.

use std::path::Path;

use dialect::client::Dialect;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use super::checks::{endpoints, requests, streams, wholes};

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

/// Tries `check` on each target's seeds as they are, and damaged in `cases` ways.
fn damaged(target: &str, cases: u32, check: impl Fn(&[u8], usize)) {
    let seeds = seeds(target);
    for seed in &seeds {
        check(seed, 1);
    }
    let strategy = (select(seeds), proptest::collection::vec(damage(), 1..5), 1_usize..40);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(mut bytes, damages, piece)| {
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        check(&bytes, piece);
        TestCaseResult::Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{target}: {error}"));
}

#[test]
fn frames_of_server_sent_events() {
    damaged("sse", 2_000, |bytes, piece| streams::check_frames(bytes, piece, 64));
}

/// The first byte of a seed chooses among the endpoints of its target.
fn chosen<'a>(names: &[&'static str], bytes: &'a [u8]) -> (&'static endpoints::Endpoint, &'a [u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (endpoints::named(names[usize::from(*first) % names.len()]), rest)
}

macro_rules! streams {
    ($($name:ident: [$($endpoint:literal),*];)*) => {
        $(
            #[test]
            fn $name() {
                damaged(stringify!($name), 300, |bytes, piece| {
                    let (endpoint, bytes) = chosen(&[$($endpoint),*], bytes);
                    streams::check(endpoint, bytes, piece);
                });
            }
        )*
    };
}

streams! {
    openai_stream: ["openai", "openai-think", "mistral"];
    responses_stream: ["responses"];
    anthropic_stream: ["anthropic", "vertex-anthropic"];
    gemini_stream: ["gemini"];
    bedrock_stream: ["bedrock", "bedrock-invoke"];
    vendor_stream: ["cohere", "ollama"];
}

#[test]
fn whole_answers_and_errors() {
    damaged("whole", 600, |bytes, _| {
        let names: Vec<_> =
            endpoints::CONVERSATIONS.iter().chain(&endpoints::OTHERS).map(|endpoint| endpoint.name).collect();
        let (endpoint, bytes) = chosen(&names, bytes);
        wholes::check(endpoint, bytes);
    });
}

macro_rules! requests {
    ($($name:ident: $dialect:ident;)*) => {
        $(
            #[test]
            fn $name() {
                damaged(stringify!($name), 400, |bytes, _| requests::check(Dialect::$dialect, bytes));
            }
        )*
    };
}

requests! {
    chat_request: Chat;
    responses_request: Responses;
    messages_request: Messages;
}

#[test]
fn requests_of_other_kinds() {
    let dialects = [
        Dialect::Completions,
        Dialect::Embeddings,
        Dialect::Rerank,
        Dialect::Images,
        Dialect::Speech,
        Dialect::Transcription,
    ];
    damaged("other_request", 600, |bytes, _| {
        let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
        requests::check(dialects[usize::from(*first) % dialects.len()], rest);
    });
}
