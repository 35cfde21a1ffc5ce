//! Recorded answers that are no conversations: vectors, completions of prompts, and lists of models.

use bytes::Bytes;
use dialect::canonical::{Event, FinishReason, Operation, Task};
use dialect::client::{Bill, Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::ProviderError;
use pricing::{Class, Usage};
use serde_json::{Map, Value, json};

use crate::cases::{Case, cases};

/// Mistral's wire is that of OpenAI.
const EMBEDDINGS: [&str; 2] = ["openai.embeddings", "mistral.embeddings"];
const COMPLETIONS: [&str; 1] = ["openai.completions"];
/// What lists models is asked for by whoever fills the catalogue. No request of a client leads there, so there is
/// no adapter for it: all that is due is that none takes it for an answer.
const LISTS: [&str; 4] = ["openai.models", "gemini.models", "anthropic.models", "ollama.tags"];

fn with_target<T>(body: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = Map::from_iter([
        ("apis".to_owned(), json!(["completions"])),
        ("encoding_format".to_owned(), json!("base64")),
        ("accepts".to_owned(), json!(["output_dimension"])),
    ]);
    body(&Target {
        model: "author/model",
        provider: "house",
        provider_model: "model-1",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

fn speaker(client: Dialect) -> &'static dyn Adapter {
    with_target(|target| adapter("openai", client.operation(), client, target)).unwrap()
}

fn whole(client: Dialect, case: &Case) -> Result<Vec<Event>, ProviderError> {
    assert_eq!((case.status, case.is_stream), (200, false), "{}", case.name);
    with_target(|target| speaker(client).decode(&case.response, target))
}

fn usage(events: &[Event]) -> Option<Usage> {
    events.iter().find_map(|event| if let Event::Usage(usage) = event { Some(*usage) } else { None })
}

fn check_usage(case: &Case, events: &[Event]) {
    let native = |name: &str| case.native["usage"][name].as_u64().unwrap_or(0);
    let usage = usage(events).unwrap_or_default();
    assert_eq!(usage.prompt_tokens().unwrap(), native("prompt_tokens"), "{}", case.name);
    assert_eq!(usage.completion_tokens().unwrap(), native("completion_tokens"), "{}", case.name);
    assert_eq!(usage.get(Class::Input), native("prompt_tokens"), "{}", case.name);
}

fn vectors(events: &[Event]) -> Vec<(u32, &[f32])> {
    let vectors = events.iter().filter_map(|event| match event {
        Event::Embedding { index, vector } => Some((*index, vector.as_slice())),
        _ => None,
    });
    vectors.collect()
}

/// What a client that sent `task` gets.
fn told(client: Dialect, task: Option<&Task>, events: Vec<Event>) -> Value {
    let bill = Bill { usage: usage(&events).unwrap_or_default(), ..Bill::default() };
    let mut encoder = client.answer(Envelope::default(), task, false);
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.event(event, &mut out));
    encoder.finish(&bill, &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// The recorded request as a client's; `None` where the client would be refused.
fn task(client: Dialect, case: &Case) -> Option<Task> {
    let mut body = case.request.clone().unwrap();
    body["model"] = json!("author/model");
    client.decode(&Bytes::from(body.to_string())).ok()
}

#[test]
fn vectors_are_read_and_counted() {
    for case in cases(&EMBEDDINGS) {
        let events = whole(Dialect::Embeddings, &case).unwrap();
        let recorded: Value = serde_json::from_slice(&case.response).unwrap();
        let rows = recorded["data"].as_array().unwrap();
        let vectors = vectors(&events);
        assert_eq!(vectors.len(), rows.len(), "{}", case.name);
        for ((index, vector), row) in vectors.iter().zip(rows) {
            assert_eq!(u64::from(*index), row["index"].as_u64().unwrap(), "{}", case.name);
            assert!(vector.len() >= 64, "{}", case.name);
        }
        check_usage(&case, &events);
        let finish = Event::Finish { choice: 0, reason: FinishReason::Stop, native: "stop".to_owned() };
        assert_eq!(events.last(), Some(&finish), "{}", case.name);
    }
}

#[test]
fn clients_get_the_vectors_that_were_sent_in_either_form() {
    let mut forms = Vec::new();
    for case in cases(&EMBEDDINGS) {
        let recorded: Value = serde_json::from_slice(&case.response).unwrap();
        for form in ["float", "base64"] {
            let body = json!({"model": "author/model", "input": "x", "encoding_format": form}).to_string();
            let task = Dialect::Embeddings.decode(&Bytes::from(body)).unwrap();
            let events = whole(Dialect::Embeddings, &case).unwrap();
            let sent = vectors(&events).into_iter().map(|(_, vector)| vector.to_vec()).collect::<Vec<_>>();
            let answer = told(Dialect::Embeddings, Some(&task), events);
            for (place, row) in answer["data"].as_array().unwrap().iter().enumerate() {
                let recorded = &recorded["data"][place]["embedding"];
                match (&row["embedding"], recorded) {
                    (Value::String(ours), Value::String(theirs)) => assert_eq!(ours, theirs, "{}", case.name),
                    (Value::Array(ours), _) => {
                        let ours: Vec<f32> =
                            ours.iter().map(|number| number.to_string().parse().unwrap()).collect();
                        assert_eq!(ours, sent[place], "{}", case.name);
                    }
                    _ => assert!(row["embedding"].is_string(), "{}", case.name),
                }
                forms.push((form, recorded.is_string()));
            }
            let total = case.native["usage"]["prompt_tokens"].as_u64().unwrap();
            assert_eq!(answer["usage"]["total_tokens"], total, "{}", case.name);
        }
    }
    let proven = |form| forms.contains(&form);
    assert!(
        forms.is_empty()
            || (proven(("float", true)) && proven(("base64", true)) && proven(("base64", false)))
    );
}

#[test]
fn requests_for_vectors_reach_the_provider_as_they_were_recorded() {
    for case in cases(&EMBEDDINGS) {
        let recorded = case.request.clone().unwrap();
        let Some(task) = task(Dialect::Embeddings, &case) else {
            assert_eq!(recorded["input"], json!([]), "{}: nothing to embed is refused", case.name);
            continue;
        };
        let encoded = with_target(|target| speaker(Dialect::Embeddings).encode(&task, target)).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        for member in ["input", "dimensions", "output_dimension"] {
            assert_eq!(sent.get(member), recorded.get(member), "{member} of {}", case.name);
        }
    }
}

#[test]
fn completions_of_prompts_are_read_counted_and_passed_on() {
    for case in cases(&COMPLETIONS) {
        let events = whole(Dialect::Completions, &case).unwrap();
        check_usage(&case, &events);
        let ends: Vec<_> = events
            .iter()
            .filter_map(
                |event| if let Event::Finish { native, .. } = event { Some(json!(native)) } else { None },
            )
            .collect();
        assert_eq!(Value::from(ends), case.native["finish"], "{}", case.name);
        let task = task(Dialect::Completions, &case);
        assert!(task.is_some(), "{}", case.name);
        let answer = told(Dialect::Completions, task.as_ref(), events);
        let recorded: Value = serde_json::from_slice(&case.response).unwrap();
        let text = answer["choices"][0]["text"].as_str().unwrap();
        assert_eq!(answer["choices"][0]["text"], recorded["choices"][0]["text"], "{}", case.name);
        assert_eq!(text.chars().count() as u64, case.native["text_chars"].as_u64().unwrap(), "{}", case.name);
        assert!(text.starts_with(case.native["text_start"].as_str().unwrap()), "{}", case.name);
        assert_eq!(answer["usage"]["total_tokens"], case.native["usage"]["total_tokens"], "{}", case.name);
    }
}

#[test]
fn prompts_reach_the_provider_as_they_were_recorded() {
    for case in cases(&COMPLETIONS) {
        let (recorded, task) = (case.request.clone().unwrap(), task(Dialect::Completions, &case).unwrap());
        let encoded = with_target(|target| speaker(Dialect::Completions).encode(&task, target)).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        for member in ["prompt", "stop"] {
            assert_eq!(sent.get(member), recorded.get(member), "{member} of {}", case.name);
        }
        assert_eq!(sent["model"], "model-1");
    }
}

/// Damages bodies in many places and cuts them off: nothing panics, and what is cut off is never an answer.
#[test]
fn damage_is_survived() {
    let cases = [(Dialect::Embeddings, cases(&EMBEDDINGS)), (Dialect::Completions, cases(&COMPLETIONS))];
    for (client, cases) in cases {
        for mut case in cases {
            let places = (0..case.response.len()).step_by(case.response.len().div_ceil(2_000));
            for (at, byte) in places.zip(b"\"{}[]:,0n\n\r \\".iter().cycle()) {
                let kept = std::mem::replace(&mut case.response[at], *byte);
                drop(whole(client, &case));
                case.response[at] = kept;
            }
            for at in (0..case.response.len()).step_by(case.response.len().div_ceil(500)) {
                let cut = with_target(|target| speaker(client).decode(&case.response[..at], target));
                assert!(cut.is_err(), "{} cut off after {at} bytes", case.name);
            }
        }
    }
}

#[test]
fn no_adapter_takes_a_list_of_models_for_an_answer() {
    let operations = [
        (Operation::Chat, Dialect::Chat),
        (Operation::Chat, Dialect::Completions),
        (Operation::Embeddings, Dialect::Embeddings),
        (Operation::Images, Dialect::Images),
        (Operation::Speech, Dialect::Speech),
        (Operation::Transcription, Dialect::Transcription),
    ];
    for case in cases(&LISTS) {
        assert!(case.request.is_none() && case.native.is_object(), "{}", case.name);
        for (operation, client) in operations {
            assert_eq!(client.operation(), operation);
            assert!(whole(client, &case).is_err(), "{} as {}", case.name, client.as_str());
        }
    }
}
