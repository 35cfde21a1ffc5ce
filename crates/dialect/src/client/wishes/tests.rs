//! What the peek of every dialect that holds conversations says of routing.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::{Dialect, Peek};

const CONVERSATIONS: [Dialect; 4] =
    [Dialect::Chat, Dialect::Completions, Dialect::Responses, Dialect::Messages];

/// A request that says "Hi", with further members.
fn hi(dialect: Dialect, members: Value) -> Bytes {
    let mut body = match dialect {
        Dialect::Completions => json!({"model": "a/b", "prompt": "Hi"}),
        Dialect::Responses => json!({"model": "a/b", "input": "Hi"}),
        _ => json!({"model": "a/b", "messages": [{"role": "user", "content": "Hi"}]}),
    };
    let Value::Object(members) = members else { panic!("no members") };
    body.as_object_mut().unwrap().extend(members);
    body.to_string().into()
}

fn peek(dialect: Dialect, members: Value) -> Peek {
    dialect.peek(&hi(dialect, members)).unwrap()
}

fn refused(dialect: Dialect, members: Value) -> String {
    let body = hi(dialect, members);
    let (peeked, read) = (dialect.peek(&body).unwrap_err(), dialect.decode(&body));
    // Completions leave it to the peek, which comes first.
    if dialect != Dialect::Completions {
        assert_eq!(Err(&peeked), read.as_ref().map(drop), "{body:?}");
    }
    peeked.message
}

fn opening(dialect: Dialect, body: Value) -> Option<u64> {
    let mut body = body;
    body["model"] = json!("a/b");
    dialect.peek(body.to_string().as_bytes()).unwrap().opening
}

#[test]
fn every_dialect_says_where_it_wants_to_be_served() {
    for dialect in CONVERSATIONS {
        let members = json!({
            "service_tier": "flex", "prompt_cache_key": "k", "session_id": "s", "route": "sort",
            "plugins": [{"id": "auto-router"}]
        });
        let peek = peek(dialect, members);
        assert_eq!((peek.service_tier, peek.partition), (Some("flex"), Some("none")), "{dialect:?}");
        assert_eq!((peek.prompt_cache_key.as_deref(), peek.session_id.as_deref()), (Some("k"), Some("s")));
        assert_eq!(peek.plugins.unwrap().get(), r#"[{"id":"auto-router"}]"#);
    }
    let none =
        peek(Dialect::Chat, json!({"service_tier": null, "plugins": null, "route": "", "modalities": null}));
    assert!(none.service_tier.is_none() && none.plugins.is_none() && none.partition.is_none());
    assert!(none.output_modalities.is_empty() && none.last_model.is_none());
}

#[test]
fn fast_is_priority_and_a_tier_that_is_named_wins_over_a_speed() {
    for dialect in CONVERSATIONS {
        assert_eq!(peek(dialect, json!({"service_tier": "fast"})).service_tier, Some("priority"));
        let wrong = refused(dialect, json!({"service_tier": "turbo"}));
        assert!(wrong.starts_with("`service_tier` must be one of auto, default, flex,"), "{wrong}");
        assert!(refused(dialect, json!({"service_tier": 7})).starts_with("`service_tier` must"));
    }
    let long = json!({"service_tier": "x".repeat(5_000)});
    assert!(refused(Dialect::Chat, long).starts_with("`service_tier` must"));
    let tier = |members| peek(Dialect::Messages, members).service_tier;
    assert_eq!(tier(json!({"speed": "fast"})), Some("priority"));
    assert_eq!(tier(json!({"speed": "fast", "service_tier": "standard_only"})), Some("default"));
    assert_eq!(tier(json!({"speed": "standard"})), None);
    assert_eq!(refused(Dialect::Messages, json!({"speed": "slow"})), "`speed` must be fast or standard");
    assert!(refused(Dialect::Chat, json!({"service_tier": "standard_only"})).contains("service_tier"));
    assert_eq!(peek(Dialect::Chat, json!({"speed": 2})).service_tier, None);
}

#[test]
fn kinds_of_output_are_a_list_of_words() {
    for dialect in [Dialect::Chat, Dialect::Responses] {
        let kinds = peek(dialect, json!({"modalities": ["text", "image"]})).output_modalities;
        assert_eq!(kinds, ["text", "image"]);
        for wrong in [json!("text"), json!([1]), json!(vec!["text"; 17])] {
            assert!(refused(dialect, json!({"modalities": wrong})).starts_with("`modalities` must"));
        }
    }
}

#[test]
fn the_last_model_is_that_of_the_assistants_last_turn() {
    let turns = |turns: Value| json!({"messages": turns});
    let written = |model: Value| json!({"role": "assistant", "content": "x", "model": model});
    for dialect in [Dialect::Chat, Dialect::Messages] {
        let last = |turns| peek(dialect, turns).last_model;
        let user = json!({"role": "user", "content": "Hi"});
        let two = turns(json!([user, written(json!("a/b")), user, written(json!("c/d")), user]));
        assert_eq!(last(two).as_deref(), Some("c/d"));
        let unnamed = json!({"role": "assistant", "content": "x"});
        assert_eq!(last(turns(json!([user, written(json!("a/b")), unnamed, user]))), None);
        for other in [json!({"a": ["b"]}), json!(7), json!(null), json!("x".repeat(300))] {
            assert_eq!(last(turns(json!([user, written(other), user]))), None);
        }
    }
}

#[test]
fn an_opening_stays_the_same_while_a_conversation_goes_on() {
    let first = json!({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]});
    let later = json!({"messages": [
        {"role": "developer", "content": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}]},
        {"content": [{"type": "text", "text": "U"}], "role": "user"},
        {"role": "assistant", "content": "A"}, {"role": "system", "content": "T"}, {"role": "user", "content": "V"}
    ]});
    let chat = opening(Dialect::Chat, first);
    assert!(chat.is_some());
    assert_eq!(chat, opening(Dialect::Chat, later));

    let first = json!({"system": "S", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "U", "cache_control": {"type": "ephemeral"}}]}]});
    let later = json!({"system": [{"type": "text", "text": "S"}], "messages": [
        {"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"}]});
    assert_eq!(chat, opening(Dialect::Messages, first));
    assert_eq!(chat, opening(Dialect::Messages, later));

    let first = json!({"instructions": "S", "input": "U"});
    let later = json!({"input": [
        {"role": "developer", "content": "S"}, {"role": "user", "content": [{"type": "input_text", "text": "U"}]},
        {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"}]});
    assert_eq!(chat, opening(Dialect::Responses, first));
    assert_eq!(chat, opening(Dialect::Responses, later));
}

#[test]
fn openings_tell_conversations_apart() {
    let of = |system: &str, user: &str| {
        let turns = json!([{"role": "system", "content": system}, {"role": "user", "content": user}]);
        opening(Dialect::Chat, json!({"messages": turns})).unwrap()
    };
    let (long, other) = ("x".repeat(3_000), format!("{}y", "x".repeat(2_999)));
    let openings = [
        of("S", "U"),
        of("T", "U"),
        of("S", "V"),
        of("U", "S"),
        of(&long, "U"),
        of(&other, "U"),
        of("S", &long),
    ];
    let apart: std::collections::HashSet<u64> = openings.into_iter().collect();
    assert_eq!(apart.len(), openings.len());
    let alone = json!({"messages": [{"role": "user", "content": "U"}]});
    assert_ne!(opening(Dialect::Chat, alone), Some(openings[0]));
    assert_eq!(opening(Dialect::Chat, json!({"messages": [{"role": "system", "content": "S"}]})), None);
    let picture = |url| {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        opening(Dialect::Chat, json!({"messages": [{"role": "user", "content": [part]}]}))
    };
    assert_ne!(picture("https://x.example/a.png"), picture("https://x.example/b.png"));
    // The same in every process and version: what is remembered elsewhere is found again.
    assert_eq!(of("S", "U"), 553_013_670_920_665_964);
}

#[test]
fn a_preset_may_stand_in_for_the_model() {
    for dialect in CONVERSATIONS {
        let named = peek(dialect, json!({"preset": "support"}));
        assert_eq!((named.preset.as_deref(), named.models.len()), (Some("support"), 1), "{dialect:?}");
        let alone = peek(dialect, json!({"preset": "support", "model": null}));
        assert_eq!((alone.preset.as_deref(), alone.models.len()), (Some("support"), 0), "{dialect:?}");
        assert!(dialect.decode(&hi(dialect, json!({"preset": "support", "model": null}))).is_ok());
        let wrong = refused(dialect, json!({"preset": "support", "model": null, "temperature": 9}));
        assert!(wrong.contains("temperature"), "{dialect:?}: {wrong}");
        for preset in [json!(7), json!(""), json!({"slug": "support"})] {
            let wrong = refused(dialect, json!({"preset": preset}));
            assert_eq!(wrong, "`preset` must be the slug of a preset", "{dialect:?}");
        }
        let neither = refused(dialect, json!({"preset": null, "model": null}));
        assert!(neither.contains("`model` is required"), "{dialect:?}: {neither}");
    }
}
