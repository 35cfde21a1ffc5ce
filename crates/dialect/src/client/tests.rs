//! What holds for the answers of all dialects.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Bill, Dialect, Envelope, PublicError};
use crate::canonical::Event;
use crate::error::ErrorType;

fn envelope(service_tier: Option<&str>, routing: Option<Value>) -> Envelope {
    let service_tier = service_tier.map(str::to_owned);
    Envelope { id: "gen-1".into(), model: "a/b".into(), service_tier, routing, ..Envelope::default() }
}

/// An answer, each of its frames an object; what has neither is empty.
fn answer(dialect: Dialect, stream: bool, envelope: Envelope, said: &[Event]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut encoder = dialect.answer(envelope, None, stream);
    for event in said {
        encoder.event(event.clone(), &mut out);
    }
    encoder.finish(&Bill { is_byok: true, ..Bill::default() }, &mut out);
    objects(&out)
}

fn objects(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    if text.starts_with('{') {
        return vec![serde_json::from_str(text).unwrap()];
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn picture() -> Event {
    Event::Image { choice: 0, url: "data:image/png;base64,AA==".into() }
}

#[test]
fn the_routing_is_told_once_and_last() {
    let routing = json!({"requested": "a/b", "attempt": 1});
    for (dialect, stream, place) in [
        (Dialect::Chat, false, "/openrouter_metadata"),
        (Dialect::Chat, true, "/openrouter_metadata"),
        (Dialect::Completions, false, "/openrouter_metadata"),
        (Dialect::Completions, true, "/openrouter_metadata"),
        (Dialect::Responses, false, "/openrouter_metadata"),
        (Dialect::Responses, true, "/response/openrouter_metadata"),
        (Dialect::Messages, false, "/openrouter_metadata"),
        (Dialect::Messages, true, "/openrouter_metadata"),
        (Dialect::Embeddings, false, "/openrouter_metadata"),
        (Dialect::Rerank, false, "/openrouter_metadata"),
        (Dialect::Images, false, "/openrouter_metadata"),
        (Dialect::Images, true, "/openrouter_metadata"),
        (Dialect::Transcription, false, "/openrouter_metadata"),
    ] {
        let said = [picture()];
        let told = answer(dialect, stream, envelope(None, Some(routing.clone())), &said);
        let (last, others) = told.split_last().unwrap();
        assert_eq!(last.pointer(place), Some(&routing), "{dialect:?}, streamed: {stream}");
        assert!(others.iter().all(|other| !other.to_string().contains("openrouter_metadata")), "{dialect:?}");
        let untold = answer(dialect, stream, envelope(None, None), &said);
        assert!(untold.iter().all(|other| !other.to_string().contains("openrouter_metadata")), "{dialect:?}");
    }
    let speech = answer(Dialect::Speech, true, envelope(None, Some(routing)), &[]);
    assert_eq!(speech, Vec::<Value>::new(), "sound has no place for it");
}

#[test]
fn errors_tell_the_routing_unless_the_failure_is_our_own() {
    let routing = json!({"requested": "a/b", "attempt": 0});
    for dialect in Dialect::ALL {
        let told = |error_type| {
            let error =
                PublicError { routing: Some(routing.clone()), ..PublicError::new(error_type, "No luck.") };
            objects(&dialect.error(&error))[0]["openrouter_metadata"].clone()
        };
        assert_eq!(told(ErrorType::ProviderUnavailable), routing, "{dialect:?}");
        assert_eq!(told(ErrorType::Server), Value::Null, "{dialect:?}");
    }
}

#[test]
fn a_break_after_content_tells_the_routing_beside_what_it_took() {
    let routing = json!({"requested": "a/b"});
    let text = Event::Text { choice: 0, text: "Hi".into() };
    let error = PublicError::new(ErrorType::ProviderUnavailable, "It broke off.");
    for (dialect, place) in
        [(Dialect::Chat, "/openrouter_metadata"), (Dialect::Responses, "/response/openrouter_metadata")]
    {
        let mut out = Vec::new();
        let mut encoder = dialect.answer(envelope(None, Some(routing.clone())), None, true);
        encoder.event(text.clone(), &mut out);
        encoder.fail(&error, Some(&Bill::default()), &mut out);
        assert_eq!(objects(&out).last().unwrap().pointer(place), Some(&routing), "{dialect:?}");
    }
}

#[test]
fn what_went_to_a_provider_is_shown_in_streams_that_have_a_place_for_it() {
    let sent = RawValue::from_string("{\"model\":\"m-1\",\n\n\"x\": 1.50}".to_owned()).unwrap();
    for dialect in Dialect::ALL {
        for stream in [false, true] {
            let mut out = Vec::new();
            dialect.answer(envelope(None, None), None, stream).echo(&sent, &mut out);
            let shown = objects(&out);
            let has_place = stream && matches!(dialect, Dialect::Chat | Dialect::Responses);
            assert_eq!(shown.is_empty(), !has_place, "{dialect:?}");
            let body = shown.last().map(|frame| frame["debug"]["echo_upstream_body"].clone());
            assert_eq!(body, has_place.then(|| json!({"model": "m-1", "x": 1.5})), "{dialect:?}");
            assert!(dialect != Dialect::Chat || shown.iter().all(|frame| frame["choices"] == json!([])));
        }
    }
}

#[test]
fn the_tier_that_served_is_named() {
    let asked = |tier: &'static str| envelope(Some(tier), None);
    let says = |tier: &str| [Event::ServiceTier(tier.to_owned())];
    for (dialect, place, usual) in [
        (Dialect::Chat, "/service_tier", "default"),
        (Dialect::Responses, "/service_tier", "default"),
        (Dialect::Messages, "/usage/service_tier", "standard"),
    ] {
        let named = |envelope: Envelope, said: &[Event]| {
            answer(dialect, false, envelope, said)[0].pointer(place).cloned().unwrap_or_default()
        };
        assert_eq!(named(asked("flex"), &[]), "flex", "{dialect:?}");
        assert_eq!(named(asked("flex"), &says("on_demand")), usual, "what the provider names goes before");
        assert_eq!(named(asked("default"), &says("fast")), "priority", "{dialect:?}");
        assert_eq!(named(envelope(None, None), &[]), Value::Null, "nobody named one");
    }
}
