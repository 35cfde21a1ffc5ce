//! Bodies that are nearly right, in the dialects that are no conversations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use dialect::client::Dialect;
use serde_json::{Value, json};

fn bodies() -> Vec<(Dialect, Value)> {
    let provider = json!({"order": ["p"], "options": {"house": {"x": 1}}});
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}});
    vec![
        (
            Dialect::Embeddings,
            json!({"model": "a/b", "input": ["x", [1, 2], {"content": [{"type": "text", "text": "y"}, image]}],
                "dimensions": 4, "encoding_format": "float", "user": "ann", "provider": provider}),
        ),
        (
            Dialect::Rerank,
            json!({"model": "a/b", "query": "q", "documents": ["x", {"text": "y", "image": "https://h.example"}],
                "top_n": 1, "provider": provider}),
        ),
        (
            Dialect::Images,
            json!({"model": "a/b", "prompt": "p", "n": 2, "size": "64x64", "input_references": [image], "seed": 1,
                "quality": "low", "stream": true, "provider": provider}),
        ),
        (
            Dialect::Speech,
            json!({"model": "a/b", "input": "Hi", "voice": "v", "response_format": "mp3", "speed": 1.5,
                "input_references": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]}),
        ),
        (
            Dialect::Transcription,
            json!({"model": "a/b", "input_audio": {"data": "AAAA", "format": "mp3"}, "temperature": 0.5,
                "response_format": "verbose_json", "timestamp_granularities": ["word"], "provider": provider}),
        ),
        (
            Dialect::Completions,
            json!({"model": "a/b", "prompt": ["p"], "n": 2, "best_of": 1, "logprobs": 1, "stop": ["x"],
                "reasoning": {"effort": "low"}, "max_tokens": 3, "echo": true, "provider": provider}),
        ),
    ]
}

/// Both readers take a body or refuse it with the same words, whatever is done to it.
fn readers_agree(dialect: Dialect, body: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(body);
    match (dialect.peek(body), dialect.decode(&bytes)) {
        (Ok(peek), Ok(_)) => {
            assert!(!peek.models.is_empty() && peek.choices > 0);
            true
        }
        (Err(peek), Err(decode)) => {
            assert_eq!(peek, decode);
            assert!(!peek.message.is_empty());
            false
        }
        (peek, decode) => panic!("{peek:?} {decode:?}: {}", String::from_utf8_lossy(body)),
    }
}

#[test]
fn damaged_bodies_are_taken_or_refused_by_both_readers_alike() {
    for (dialect, body) in bodies() {
        let body = body.to_string().into_bytes();
        assert!(readers_agree(dialect, &body), "{}", dialect.as_str());
        for at in 0..body.len() {
            for byte in b"\"{}[]:,0-n \\\xff" {
                let mut damaged = body.clone();
                damaged[at] = *byte;
                readers_agree(dialect, &damaged);
            }
            assert!(!readers_agree(dialect, &body[..at]), "{} cut off after {at}", dialect.as_str());
        }
    }
}

#[test]
fn members_of_the_wrong_kind_are_refused_by_name() {
    let wrong = [json!(true), json!(-1.5), json!("?"), json!([[]]), json!({"?": 1})];
    for (dialect, body) in bodies() {
        for name in body.as_object().unwrap().keys() {
            let refused = wrong.iter().filter(|value| {
                let mut body = body.clone();
                body[name] = (*value).clone();
                let read = dialect.peek(body.to_string().as_bytes());
                read.is_err_and(|refusal| {
                    assert!(refusal.message.contains(name.as_str()), "{refusal}");
                    true
                })
            });
            assert!(refused.count() >= 3, "{name} of {}", dialect.as_str());
        }
    }
}

#[test]
fn a_member_is_given_once() {
    for (dialect, body) in bodies() {
        let twice = body.to_string().replacen('{', "{\"model\":\"c/d\",", 1);
        let refusal = dialect.peek(twice.as_bytes()).unwrap_err();
        assert!(refusal.message.contains("`model` is given twice"), "{refusal}");
    }
}

#[test]
fn nothing_of_a_body_is_left_uncounted() {
    for (dialect, mut body) in bodies() {
        let before = dialect.peek(body.to_string().as_bytes()).unwrap();
        body["further"] = json!("x".repeat(1_000));
        let after = dialect.peek(body.to_string().as_bytes()).unwrap();
        assert!(after.text_bytes >= before.text_bytes + 1_000, "{}", dialect.as_str());
    }
}
