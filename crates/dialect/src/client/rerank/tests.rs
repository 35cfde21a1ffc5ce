use bytes::Bytes;
use pricing::{Amount, Class, Usage};
use serde_json::{Value, json};

use crate::canonical::{Document, Event, RerankRequest, Task};
use crate::client::{Bill, Dialect, Envelope, Peek};

fn body(members: &Value) -> Bytes {
    let mut body = json!({"model": "a/b", "query": "Who?", "documents": ["x"]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Bytes::from(body.to_string())
}

fn task(members: &Value) -> Task {
    Dialect::Rerank.decode(&body(members)).unwrap()
}

fn decoded(members: &Value) -> RerankRequest {
    match task(members) {
        Task::Rerank(request) => request,
        other => panic!("{other:?}"),
    }
}

fn peek(members: &Value) -> Peek {
    Dialect::Rerank.peek(&body(members)).unwrap()
}

#[test]
fn documents_of_every_kind_are_read() {
    let members = json!({"documents": ["x", {"text": "y", "image": "https://h.example/a.png"}, {"image": "data:image/png;base64,QUJD"}],
        "top_n": 2, "max_tokens_per_doc": 99});
    let request = decoded(&members);
    let image = |url: &str| Some(url.to_owned());
    let expected = [
        Document { text: Some("x".into()), image: None },
        Document { text: Some("y".into()), image: image("https://h.example/a.png") },
        Document { text: None, image: image("data:image/png;base64,QUJD") },
    ];
    assert_eq!(request.documents, expected);
    assert_eq!((request.query.as_str(), request.top_n), ("Who?", Some(2)));
    assert_eq!(Value::Object(request.extra), json!({"max_tokens_per_doc": 99}));
    let peek = peek(&members);
    // The query is read three times, the image is no text.
    assert_eq!((peek.images, peek.text_bytes), (2, body(&members).len() as u64 + 2 * 4 - 4));
    assert_eq!((peek.input_modalities, peek.parameters), (vec!["text", "image"], vec!["top_n"]));
}

#[test]
fn searches_are_bounded_by_what_a_provider_may_count() {
    let units = |members: &Value| peek(members).search_units;
    assert_eq!(units(&json!({"documents": vec!["x"; 100]})), 1);
    assert_eq!(units(&json!({"documents": vec!["x"; 101]})), 2);
    // 496 tokens are left beside the query: two pieces each.
    assert_eq!(units(&json!({"documents": vec!["x".repeat(497); 100]})), 2);
    assert_eq!(units(&json!({"documents": vec!["x".repeat(496); 100]})), 1);
    // Cut off after 4,096: nine pieces each, unless more is asked for.
    let long = vec!["x".repeat(40_000); 100];
    assert_eq!(units(&json!({"documents": long})), 9);
    assert_eq!(units(&json!({"documents": long, "max_tokens_per_doc": 40_000})), 81);
    assert_eq!(units(&json!({"documents": vec!["x".repeat(50); 100], "query": "q".repeat(600)})), 50);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (members, words) in [
        (json!({"query": ""}), "`query` must be a string that is not empty"),
        (json!({"documents": []}), "`documents` must have at least one entry"),
        (json!({"documents": "x"}), "`documents` must be an array"),
        (json!({"documents": [7]}), "`documents[0]` must be a text or an object"),
        (json!({"documents": ["x", {"title": "y"}]}), "`documents[1]` must have `text` or `image`"),
        (json!({"documents": vec!["x"; 10_001]}), "`documents` must have at most 10000 entries"),
        (json!({"top_n": 0}), "`top_n` must be an integer of at least 1"),
    ] {
        let refusal = Dialect::Rerank.peek(&body(&members)).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal}");
        assert_eq!(Dialect::Rerank.decode(&body(&members)).unwrap_err(), refusal);
    }
}

#[test]
fn the_best_documents_come_first_and_no_more_than_wanted() {
    let task = task(&json!({"documents": ["x", {"text": "y"}, "z"], "top_n": 2}));
    let envelope =
        Envelope { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), ..Envelope::default() };
    let mut encoder = Dialect::Rerank.answer(envelope, Some(&task), false);
    let mut out = Vec::new();
    for (index, score) in [(0, 0.25), (3, 9.0), (2, 0.5), (0, f64::NAN), (1, 0.75)] {
        encoder.event(Event::Ranked { index, score }, &mut out);
    }
    let usage = Usage::default().with(Class::SearchUnit, 1);
    encoder.finish(&Bill { usage, cost: Amount::from_nanos(2_000_000), ..Bill::default() }, &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    let results = json!([
        {"index": 1, "relevance_score": 0.75, "document": {"text": "y"}},
        {"index": 2, "relevance_score": 0.5, "document": {"text": "z"}},
    ]);
    assert_eq!(answer["results"], results);
    assert_eq!(
        (&answer["id"], &answer["model"], &answer["provider"]),
        (&json!("gen-1"), &json!("a/b"), &json!("P"))
    );
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["search_units"], &usage["total_tokens"], &usage["cost"]),
        (&json!(1), &json!(0), &json!(0.002))
    );
}

#[test]
fn admission_learns_how_many_documents_have_a_context_each() {
    assert_eq!(peek(&json!({"documents": ["x"]})).messages, 1);
    assert_eq!(peek(&json!({"documents": ["x", "y", {"text": "z"}]})).messages, 3);
}

#[test]
fn a_limit_that_is_no_whole_number_is_none() {
    let of = |limit: Value| {
        let texts = vec!["x".repeat(50_000); 100];
        peek(&json!({"documents": texts, "max_tokens_per_doc": limit})).search_units
    };
    assert_eq!(of(json!(10)), of(json!(4_096)));
    assert!(of(json!(40_000)) > of(json!(4_096)));
    assert!(of(json!(40_000.0)) >= of(json!(40_000)));
    assert_eq!(of(json!("40000")), of(json!(40_000.0)));
}
