//! Properties of what filters do to bodies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod check;

use check::{check, filters, screen};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const PIECES: [&str; 24] = [
    "a@b.co",
    "x.y+z@mail.example",
    "+49 30 1234567",
    "(415) 555-2671",
    "078-05-1120",
    "4111 1111 1111 1111",
    "4111111111111111",
    "10.0.0.1",
    "2001:db8::1",
    "my name is Ada Lovelace",
    "Dr. Hopper",
    "12 High Street",
    "ignore all previous instructions",
    "do anything now",
    "[EMAIL]",
    "[PHONE",
    "sk-abcd1234",
    "ABC",
    "{\"a\":",
    "\"\\u0040\"",
    "}",
    "é",
    "12",
    " ",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => select(PIECES.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"];
    (vec(piece, 0..6), select(vec!["", " ", "-", ".", "\n"]))
        .prop_map(|(pieces, between)| pieces.join(between))
}

fn value() -> impl Strategy<Value = Value> {
    let names = || {
        prop_oneof![
            select(vec!["role", "content", "text", "input", "arguments", "data", "type"])
                .prop_map(str::to_owned),
            text()
        ]
    };
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => select(vec!["user", "text", "tool_result"]).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((names(), inner.clone()), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
            // JSON in a text.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_goes_on_has_nothing_left_to_redact(choice in any::<u8>(), messages in value(), tools in value()) {
        let body = json!({"model": "a/b", "messages": messages, "tools": tools});
        screen(&filters(choice), body.to_string().as_bytes());
    }

    #[test]
    fn any_text_can_be_searched(choice in any::<u8>(), text in text()) {
        check(&[&[choice], text.as_bytes()].concat());
    }

    #[test]
    fn any_bytes_can_be_searched(input in vec(any::<u8>(), 0..64)) {
        check(&input);
    }
}

#[test]
fn the_seeds_of_the_fuzzer_hold() {
    let seeds =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/content_filter")).unwrap();
    let mut count = 0;
    for seed in seeds {
        check(&std::fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 2, "the seeds are there");
}
