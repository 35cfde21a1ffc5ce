//! The Cohere dialect over recorded traffic of the vendor.

use bytes::Bytes;
use dialect::canonical::{Event, Operation};
use dialect::client::Dialect;
use dialect::codec::Adapter;
use dialect::error::{ErrorType, Retry};
use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use crate::cases::{self, Case};
use crate::fold;
use crate::proof::{self, read, speaker, target};

const API: &str = "cohere.v2.chat";

fn cohere() -> &'static dyn Adapter {
    speaker("cohere", Operation::Chat)
}

/// One recording of vectors is filed among the conversations.
fn is_of_vectors(case: &Case) -> bool {
    case.values().iter().any(|value| value["embeddings"].is_object())
}

fn answers() -> impl Iterator<Item = Case> {
    cases::cases(&[API]).into_iter().filter(|case| case.status == 200 && !is_of_vectors(case))
}

fn events(case: &Case) -> Vec<Event> {
    read(cohere(), case, &Map::new(), usize::MAX)
}

/// What the recording says of the plan beside calls, which its summary counts apart.
fn plan(case: &Case) -> String {
    let pieces = case.values();
    let plans = pieces.iter().flat_map(|value| [&value["message"], &value["delta"]["message"]]);
    plans.filter_map(|message| message["tool_plan"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_answer_says_what_its_recording_says() {
    for mut case in answers() {
        let answer = fold::events(&events(&case));
        let planned = plan(&case).chars().count() as u64;
        let said = case.native["text_chars"].as_u64().unwrap_or(0);
        case.native["text_chars"] = json!(planned + said);
        proof::says_what_was_recorded(&case, &answer);
        proof::reaches_a_chat_client_whole(&case, &events(&case));
    }
}

#[test]
fn usage_is_what_the_provider_bills_class_by_class() {
    for case in answers() {
        let values = case.values();
        let mut usages = values.iter().flat_map(|value| [&value["usage"], &value["delta"]["usage"]]);
        let recorded = usages.rfind(|usage| usage.is_object()).expect(&case.name);
        let count = |pointer: &str| recorded.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let (images, reasoning) = (count("/tokens/image_tokens"), count("/tokens/reasoning_tokens"));
        let expected = proof::usage(&[
            (Class::ImageInput, images),
            (Class::Input, count("/billed_units/input_tokens") - images),
            (Class::Reasoning, reasoning),
            (Class::Output, count("/billed_units/output_tokens") - reasoning),
        ]);
        assert_eq!(proof::last_usage(&events(&case)), Some(expected), "{}", case.name);
    }
}

#[test]
fn streams_are_read_however_they_are_cut() {
    for case in answers().filter(|case| case.is_stream) {
        proof::every_cut_says_the_same(cohere(), &case);
        proof::cut_short_it_fails_or_is_whole(cohere(), &case);
        proof::damage_is_survived(cohere(), &case);
    }
}

#[test]
fn citations_name_their_documents() {
    let all = cases::cases(&[API]);
    let Some(case) = all.iter().find(|case| case.name.contains("citations")) else { return };
    let events = events(case);
    let text: Vec<char> = events
        .iter()
        .filter_map(|event| match event {
            Event::Text { text, .. } => Some(text.chars()),
            _ => None,
        })
        .flatten()
        .collect();
    let annotations: Vec<Value> = events
        .iter()
        .filter_map(|event| match event {
            Event::Extra { members, .. } => members["annotations"].as_array().cloned(),
            _ => None,
        })
        .flatten()
        .collect();
    let recorded = case.values();
    let cited: Vec<&Value> = recorded
        .iter()
        .map(|value| &value["delta"]["message"]["citations"])
        .filter(|found| found.is_object())
        .collect();
    assert!(!cited.is_empty() && cited.len() == annotations.len());
    for (annotation, cited) in annotations.iter().zip(cited) {
        let citation = &annotation["url_citation"];
        let place = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
        let quoted: String = text[place("start_index")..place("end_index")].iter().collect();
        assert_eq!(cited["text"], quoted);
        assert_eq!((&citation["url"], &citation["title"]), (&json!("doc:0"), &json!("facts.txt")));
    }
}

#[test]
fn every_error_is_classed() {
    use ErrorType as E;
    use Retry::{Elsewhere, Never};
    let table = [
        ("error_400-context_length", E::ContextLengthExceeded, Never, false),
        ("error_401", E::ProviderUnavailable, Elsewhere, true),
        ("error_404", E::NotFound, Elsewhere, true),
    ];
    proof::errors_are_classed(cohere(), &cases::cases(&[API]), &table);
}

/// What a client of chat sends to have the recorded request sent.
fn as_chat(recorded: &Value) -> Value {
    let mut chat = recorded.clone();
    let members = chat.as_object_mut().unwrap();
    if let Some(stops) = members.remove("stop_sequences") {
        members.insert("stop".to_owned(), stops);
    }
    if let Some(choice) = members.get_mut("tool_choice") {
        *choice = json!(choice.as_str().unwrap().to_ascii_lowercase());
    }
    if let Some(schema) = members.get("response_format").map(|format| format["json_schema"].clone()) {
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
        members.insert("response_format".to_owned(), format);
    }
    if members.get("documents") == Some(&json!([])) {
        members.remove("documents");
    }
    for turn in chat["messages"].as_array_mut().unwrap() {
        let turn = turn.as_object_mut().unwrap();
        if let Some(plan) = turn.remove("tool_plan") {
            turn.insert("content".to_owned(), plan);
        }
    }
    chat
}

/// A lone text is a string here and a list of one part there.
fn normal(mut body: Value) -> Value {
    for turn in body["messages"].as_array_mut().unwrap() {
        if let Some([part]) = turn["content"].as_array().map(Vec::as_slice)
            && part["type"] == "text"
        {
            turn["content"] = part["text"].clone();
        }
    }
    let members = body.as_object_mut().unwrap();
    members.retain(|name, value| match name.as_str() {
        "documents" => *value != json!([]),
        "stream" => *value != false,
        _ => true,
    });
    body
}

#[test]
fn every_recorded_request_can_be_made() {
    for case in cases::cases(&[API]).iter().filter(|case| !is_of_vectors(case)) {
        let Some(recorded) = &case.request else { continue };
        let body = Bytes::from(as_chat(recorded).to_string());
        let request = Dialect::Chat.decode(&body).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let encoded = cohere().encode(&request, &target(&Map::new())).unwrap();
        let mut received: Value = serde_json::from_slice(&encoded.body).unwrap();
        received["model"] = recorded["model"].clone();
        assert_eq!(normal(received), normal(recorded.clone()), "{}", case.name);
    }
}

#[test]
fn vectors_come_in_their_order_with_what_they_cost() {
    let adapter = speaker("cohere", Operation::Embeddings);
    let mut seen = 0;
    for case in cases::cases(&["cohere.v2.embed", API]).iter().filter(|case| is_of_vectors(case)) {
        let events = adapter.decode(&case.response, &target(&Map::new())).unwrap();
        let recorded = &case.values()[0];
        let vectors: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Embedding { index, vector } => Some((*index as usize, vector.len())),
                _ => None,
            })
            .collect();
        let listed = recorded["embeddings"]["float"].as_array().unwrap();
        let listed: Vec<_> =
            listed.iter().enumerate().map(|(at, list)| (at, list.as_array().unwrap().len())).collect();
        assert_eq!(vectors, listed, "{}", case.name);
        let billed = recorded["meta"]["billed_units"]["input_tokens"].as_u64().unwrap();
        assert_eq!(proof::last_usage(&events), Some(Usage::default().with(Class::Input, billed)));
        seen += 1;
    }
    assert!(seen == 0 || seen == 2, "{seen}");
}

#[test]
fn documents_are_ranked_and_searches_counted() {
    for case in cases::cases(&["cohere.v2.rerank"]) {
        let adapter = speaker("cohere", Operation::Rerank);
        let events = adapter.decode(&case.response, &target(&Map::new())).unwrap();
        let ranked: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Ranked { index, score } => Some((*index, *score)),
                _ => None,
            })
            .collect();
        assert_eq!(ranked, [(1, 0.714_030_2), (0, 0.515_802_86)]);
        assert_eq!(proof::last_usage(&events), Some(Usage::default().with(Class::SearchUnit, 1)));
    }
}
