//! What must hold of every dialect over its recordings.

use dialect::canonical::{Event, Operation};
use dialect::client::{Bill, Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::{ErrorType, ProviderError, Retry};
use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use crate::cases::Case;
use crate::fold::{self, Answer};

/// Places at which a body is cut in two, at most; shorter ones are cut at every byte.
const CUTS: usize = 600;

pub(crate) fn target(quirks: &Map<String, Value>) -> Target<'_> {
    Target {
        model: "author/model",
        provider: "house",
        provider_model: "model-1",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks,
    }
}

/// A dialect that is complete, for a kind of work.
pub(crate) fn speaker(dialect: &str, operation: Operation) -> &'static dyn Adapter {
    assert!(dialect::codec::DIALECTS.contains(&dialect), "{dialect} is offered to operators");
    let client = match operation {
        Operation::Embeddings => Dialect::Embeddings,
        Operation::Rerank => Dialect::Rerank,
        _ => Dialect::Chat,
    };
    adapter(dialect, operation, client, &target(&Map::new())).expect("the dialect does that work")
}

/// The events of a case, streamed in pieces of `piece` bytes if it is a stream.
pub(crate) fn read(
    adapter: &dyn Adapter,
    case: &Case,
    quirks: &Map<String, Value>,
    piece: usize,
) -> Vec<Event> {
    if !case.is_stream {
        return adapter
            .decode(&case.response, &target(quirks))
            .unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
    }
    streamed(adapter, quirks, case.response.chunks(piece))
}

fn streamed<'a>(
    adapter: &dyn Adapter,
    quirks: &Map<String, Value>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Event> {
    let mut stream = adapter.stream(&target(quirks));
    let mut events = Vec::new();
    pieces.into_iter().for_each(|piece| stream.push(piece, &mut events));
    stream.end(&mut events);
    events
}

fn step(case: &Case) -> usize {
    case.response.len().div_ceil(CUTS).max(1)
}

/// Byte by byte, in pieces and in two halves cut anywhere: always the same events.
pub(crate) fn every_cut_says_the_same(adapter: &dyn Adapter, case: &Case) {
    let none = Map::new();
    let whole = streamed(adapter, &none, [&case.response[..]]);
    for piece in [1, 2, 3, 7, 1_000] {
        let pieces = streamed(adapter, &none, case.response.chunks(piece));
        assert_eq!(pieces, whole, "{} in pieces of {piece}", case.name);
    }
    for at in (0..case.response.len()).step_by(step(case)) {
        let (one, two) = case.response.split_at(at);
        assert_eq!(streamed(adapter, &none, [one, two]), whole, "{} cut at {at}", case.name);
    }
}

/// What is left of a stream that breaks off is the whole answer, or ends in a failure.
pub(crate) fn cut_short_it_fails_or_is_whole(adapter: &dyn Adapter, case: &Case) {
    let none = Map::new();
    let whole = fold::events(&streamed(adapter, &none, [&case.response[..]]));
    let mut seeming = 0;
    for at in (0..case.response.len()).step_by(step(case)) {
        let cut = fold::events(&streamed(adapter, &none, [&case.response[..at]]));
        if cut.failure.is_none() && cut.choices != whole.choices {
            assert!(says_that_it_ends_early(case), "{} cut at {at}", case.name);
            seeming += 1;
        }
    }
    assert!(seeming < 12, "{} seems to be whole where it is not, {seeming} times", case.name);
}

/// One provider ends an answer after each of its calls: cut right after the first, nobody sees that there is
/// more.
fn says_that_it_ends_early(case: &Case) -> bool {
    let ends = |value: &Value| value.pointer("/choices/0/finish_reason").is_some_and(Value::is_string);
    case.name.starts_with("together/") && case.values().iter().filter(|value| ends(value)).count() > 1
}

/// Bytes that mean something in wrong places: nothing panics, a stream ends and nothing but usage follows a
/// failure.
pub(crate) fn damage_is_survived(adapter: &dyn Adapter, case: &Case) {
    let none = Map::new();
    for (at, byte) in (0..case.response.len()).step_by(step(case)).zip(b"\"{}[]:,0n\n\r \\".iter().cycle()) {
        let mut body = case.response.clone();
        body[at] = *byte;
        let events = streamed(adapter, &none, [&body[..]]);
        let mut after = events.iter().skip_while(|event| !matches!(event, Event::Failure(_))).skip(1);
        assert!(after.all(|event| matches!(event, Event::Usage(_))), "{} damaged at {at}", case.name);
        let ends = |event: &Event| matches!(event, Event::Failure(_) | Event::Finish { .. });
        assert!(events.iter().any(ends) || has_only_done(case), "{} damaged at {at}", case.name);
        drop(adapter.decode(&body, &target(&none)));
    }
}

/// Some speakers of chat end an answer with `[DONE]` alone.
fn has_only_done(case: &Case) -> bool {
    std::str::from_utf8(&case.response).is_ok_and(|text| text.contains("[DONE]"))
}

/// The answer says what the publisher of the recording found in it.
pub(crate) fn says_what_was_recorded(case: &Case, answer: &Answer) {
    let name = &case.name;
    assert_eq!(answer.failure, None, "{name}");
    assert!(!answer.choices.is_empty(), "{name}");
    assert!(answer.choices.values().all(|choice| choice.finish.is_some()), "{name}");
    let length = |member: &str| case.native[member].as_u64();
    if let Some(length) = length("text_chars") {
        assert_eq!(answer.text_length() as u64, length, "{name}");
    }
    if let Some(length) = length("reasoning_chars") {
        assert_eq!(answer.reasoning_length() as u64, length, "{name}");
    }
    let native = case.native["tool_calls"].as_array().cloned().unwrap_or_default();
    let parsed = |text: &str| match text {
        "" | "null" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    };
    let native: Vec<_> = native
        .iter()
        .map(|call| (call["name"].as_str().unwrap().to_owned(), parsed(call["arguments"].as_str().unwrap())))
        .collect();
    let calls: Vec<_> = answer.calls().map(|call| (call.name.clone(), parsed(&call.arguments))).collect();
    assert_eq!(calls, native, "{name}");
    let ends = case.values();
    let ends = ends.iter().flat_map(|value| value["choices"].as_array().into_iter().flatten());
    let told: Vec<Value> = ends.map(|choice| choice["native_finish_reason"].clone()).collect();
    let listed = case.native["finish"].as_array().cloned().unwrap_or_default();
    for native in answer.choices.values().filter_map(|choice| choice.native.as_deref().map(Value::from)) {
        assert!(listed.contains(&native) || told.contains(&native), "{name}: {native} {listed:?}");
    }
}

/// The usage that an answer ends with.
pub(crate) fn last_usage(events: &[Event]) -> Option<Usage> {
    events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    })
}

/// A usage with these classes, those of no unit left out.
pub(crate) fn usage(classes: &[(Class, u64)]) -> Usage {
    classes.iter().fold(Usage::default(), |usage, (class, units)| usage.with(*class, *units))
}

/// The answer as a client of chat gets it, streamed and whole, is the one that was read.
pub(crate) fn reaches_a_chat_client_whole(case: &Case, events: &[Event]) {
    let bill = Bill { usage: last_usage(events).unwrap_or_default(), ..Bill::default() };
    let mut expected = fold::as_client_sees(fold::events(events));
    expected.usage = Some(fold::totals(&bill.usage));
    let streamed = fold::without_ids(fold::chat_stream(&written(events, &bill, true)));
    assert_eq!(streamed, expected, "{} streamed", case.name);
    let whole = fold::without_ids(fold::chat_whole(&written(events, &bill, false)));
    assert_eq!(whole, expected, "{} whole", case.name);
}

fn written(events: &[Event], bill: &Bill, stream: bool) -> Vec<u8> {
    let envelope =
        Envelope { id: "gen-1".to_owned(), model: "author/model".to_owned(), ..Envelope::default() };
    let mut writer = Dialect::Chat.answer(envelope, None, stream);
    let mut out = Vec::new();
    for event in events {
        writer.event(event.clone(), &mut out);
    }
    writer.finish(bill, &mut out);
    out
}

/// Parts of cases' names with the class that their errors must have.
pub(crate) type Expected<'a> = &'a [(&'a str, ErrorType, Retry, bool)];

/// Every error of the cases is classed as the table says, and the table says something of every error.
pub(crate) fn errors_are_classed(adapter: &dyn Adapter, cases: &[Case], table: Expected<'_>) {
    for case in cases.iter().filter(|case| case.status != 200) {
        let error: ProviderError = adapter.classify(case.status, &case.headers, &case.response);
        let row = table.iter().find(|(part, ..)| case.name.contains(part));
        let (_, error_type, retry, is_fault) = row.unwrap_or_else(|| panic!("{} is in no table", case.name));
        let found = (error.error_type, error.retry, error.is_fault);
        assert_eq!(found, (*error_type, *retry, *is_fault), "{}: {error:?}", case.name);
        assert_eq!(error.status, case.status, "{}", case.name);
        assert!(
            !error.message.is_empty() && !error.message.contains("**"),
            "{}: {}",
            case.name,
            error.message
        );
    }
}
