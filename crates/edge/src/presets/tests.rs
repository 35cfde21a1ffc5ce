//! What a preset keeps of a body, and what a request gets of a preset, dialect by dialect.

use dialect::client::{Dialect, Peek};
use serde_json::{Map, Value, json};

use super::cache::Preset;
use super::capture::{Captured, capture};
use super::merge::merge;
use super::named::Named;
use crate::store::workspaces::Defaults;

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object: {value}") };
    members
}

fn captured(dialect: Dialect, body: Value) -> Captured {
    capture(dialect, body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{body}: {}", error.message))
}

fn not_captured(dialect: Dialect, body: Value) -> String {
    capture(dialect, body.to_string().as_bytes()).unwrap_err().message
}

fn filled(dialect: Dialect, preset: Value, system_prompt: Option<&str>, body: Value) -> Value {
    let body = body.to_string();
    let named =
        Named::of(dialect, &dialect.peek(body.as_bytes()).unwrap()).unwrap().expect("a preset is named");
    assert_eq!(named.slug, "p");
    let preset = Preset {
        status: "active".to_owned(),
        config: members(preset),
        system_prompt: system_prompt.map(str::to_owned),
    };
    let merged = merge(dialect, &named, (&preset, &Defaults::default()), body.as_bytes()).unwrap();
    dialect.peek(&merged).unwrap_or_else(|error| panic!("{merged:?}: {}", error.message));
    serde_json::from_slice(&merged).unwrap()
}

fn named(models: &[&str], preset: Option<&str>) -> Result<Option<String>, String> {
    let models = models.iter().map(|&name| name.to_owned()).collect();
    let peek = Peek { models, preset: preset.map(str::to_owned), ..Peek::default() };
    Named::of(Dialect::Chat, &peek).map(|named| named.map(|named| named.slug)).map_err(|error| error.message)
}

const HI: &str = "Hi";

fn turns() -> Value {
    json!([{"role": "user", "content": HI}])
}

#[test]
fn a_preset_is_named_by_a_member_or_behind_the_first_model() {
    assert_eq!(named(&["a/b", "c/d"], None), Ok(None));
    assert_eq!(named(&["a/b"], Some("p")), Ok(Some("p".to_owned())));
    assert_eq!(named(&["@preset/p", "c/d"], None), Ok(Some("p".to_owned())));
    assert_eq!(named(&["a/b:nitro@preset/p"], Some("p")), Ok(Some("p".to_owned())));
    assert!(named(&["@preset/p"], Some("q")).unwrap_err().contains("different presets"));
    assert!(named(&["a/b", "@preset/p"], None).unwrap_err().contains("only the first model"));
    assert!(named(&["@preset/p", "@preset/p2"], None).unwrap_err().contains("only the first model"));
    let peek = Peek { models: vec!["@preset/p".to_owned()], ..Peek::default() };
    assert!(Named::of(Dialect::Embeddings, &peek).unwrap_err().message.contains("for conversations"));
}

#[test]
fn names_are_what_fits_into_an_address() {
    assert!(super::is_slug("my-preset_2") && super::is_slug(&"x".repeat(64)));
    for wrong in ["", "My", "a b", "a/b", "ä", "a:b", &"x".repeat(65)] {
        assert!(!super::is_slug(wrong), "{wrong}");
    }
}

#[test]
fn the_models_of_a_request_go_before_those_of_its_preset() {
    let preset = json!({"model": "p/1", "models": ["p/2"]});
    for (sent, expected) in [
        (json!({"model": "@preset/p"}), json!(["p/1", ["p/2"]])),
        (json!({"preset": "p"}), json!(["p/1", ["p/2"]])),
        (json!({"preset": "p", "model": null}), json!(["p/1", ["p/2"]])),
        (json!({"model": "x/y@preset/p"}), json!(["x/y", ["p/2"]])),
        (json!({"model": "x/y", "preset": "p"}), json!(["x/y", ["p/2"]])),
        (json!({"model": "@preset/p", "models": ["z/1"]}), json!(["p/1", ["z/1"]])),
        (json!({"models": ["@preset/p", "z/1"]}), json!(["p/1", ["z/1"]])),
        (json!({"models": ["@preset/p"]}), json!(["p/1", ["p/2"]])),
        (json!({"models": ["x/y@preset/p", "z/1"]}), json!(["x/y", ["z/1"]])),
    ] {
        let mut body = sent.clone();
        body["messages"] = turns();
        let merged = filled(Dialect::Chat, preset.clone(), None, body);
        assert_eq!(json!([merged["model"], merged["models"]]), expected, "{sent}");
        assert!(merged.get("preset").is_none());
    }
}

#[test]
fn a_preset_of_each_dialect_is_kept_in_the_words_of_chat() {
    let schema = json!({"type": "object", "properties": {"z": {}, "a": {}}});
    let function = json!({"name": "f", "description": "d", "parameters": schema});
    let tool = json!({"type": "function", "function": function});
    let common = json!({
        "model": "a/b", "max_tokens": 9, "temperature": 0.5, "service_tier": "priority", "stop": ["S"], "tools": [tool],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "reasoning": {"effort": "high"}, "provider": {"order": ["x"]}, "cache_enabled": true, "cache_ttl_seconds": 60,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    });
    let shared = json!({
        "model": "a/b", "temperature": 0.5, "provider": {"order": ["x"]}, "stream": true, "user": "u", "session_id": "s",
        "metadata": {"user_id": "u"}, "unheard_of": 1, "top_p": null, "cache_enabled": true, "cache_ttl_seconds": 60
    });
    let with = |others: Value| {
        let mut body = members(shared.clone());
        body.extend(members(others));
        Value::Object(body)
    };
    let chat = with(json!({
        "messages": [{"role": "system", "content": "One"}, {"role": "user", "content": HI},
            {"role": "developer", "content": [{"type": "text", "text": "Two"}]}],
        "max_completion_tokens": 9, "max_tokens": 8, "service_tier": "priority", "stop": ["S"], "tools": [tool],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "reasoning_effort": "high", "stream_options": {"include_usage": true},
        "response_format": common["response_format"]
    }));
    let responses = with(json!({
        "input": HI, "instructions": "One\n\nTwo", "max_output_tokens": 9, "service_tier": "priority", "stop": ["S"],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": schema}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false, "store": false,
        "reasoning": {"effort": "high"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema}}
    }));
    let messages = with(json!({
        "messages": turns(), "system": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}], "max_tokens": 9,
        "stop_sequences": ["S"], "tools": [{"name": "f", "description": "d", "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}, "speed": "fast",
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": schema}}
    }));
    for (dialect, body) in
        [(Dialect::Chat, chat), (Dialect::Responses, responses), (Dialect::Messages, messages)]
    {
        let captured = captured(dialect, body);
        assert_eq!(Value::Object(captured.config), common, "{dialect:?}");
        assert_eq!(captured.system_prompt.as_deref(), Some("One\n\nTwo"), "{dialect:?}");
    }
}

#[test]
fn what_is_kept_in_the_words_of_chat_is_told_in_those_of_each_dialect() {
    let schema = json!({"type": "object"});
    let preset = json!({
        "model": "a/b", "max_tokens": 9, "temperature": 0.5, "top_k": 3, "seed": 1, "stop": "S",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}, {"type": "openrouter:datetime"}],
        "tool_choice": "required", "parallel_tool_calls": false, "reasoning": {"max_tokens": 2_000}, "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "cache_enabled": true, "cache_ttl_seconds": 60
    });
    let chat = filled(Dialect::Chat, preset.clone(), Some("S1"), json!({"preset": "p", "messages": turns()}));
    let mut expected = members(preset.clone());
    expected.remove("cache_enabled");
    expected.remove("cache_ttl_seconds");
    let both = json!([{"role": "system", "content": "S1"}, {"role": "user", "content": HI}]);
    expected.insert("messages".to_owned(), both);
    assert_eq!(chat, Value::Object(expected));

    let body = json!({"preset": "p", "input": HI});
    let responses = filled(Dialect::Responses, preset.clone(), Some("S1"), body);
    let expected = json!({
        "model": "a/b", "max_output_tokens": 9, "temperature": 0.5, "top_k": 3, "seed": 1, "stop": "S", "input": HI,
        "tools": [{"type": "function", "name": "f", "parameters": schema}, {"type": "openrouter:datetime"}],
        "tool_choice": "required", "parallel_tool_calls": false, "reasoning": {"max_tokens": 2_000}, "instructions": "S1",
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": schema}}
    });
    assert_eq!(responses, expected);

    let body = json!({"preset": "p", "messages": turns()});
    let messages = filled(Dialect::Messages, preset, Some("S1"), body);
    let expected = json!({
        "model": "a/b", "max_tokens": 9, "temperature": 0.5, "top_k": 3, "stop_sequences": ["S"], "messages": turns(),
        "tools": [{"name": "f", "input_schema": schema}, {"type": "openrouter:datetime"}], "system": "S1",
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "output_config": {"format": {"type": "json_schema", "schema": schema}}
    });
    assert_eq!(messages, expected);
}

#[test]
fn what_a_request_sets_goes_before_the_preset_by_whatever_name() {
    let preset = json!({
        "temperature": 0.5, "max_tokens": 9, "reasoning": {"effort": "low"}, "provider": {"order": ["x"], "zdr": true},
        "models": ["p/2"], "service_tier": "flex", "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    });
    let body = json!({
        "model": "a/b", "preset": "p", "messages": turns(), "temperature": 0, "max_completion_tokens": 5,
        "reasoning_effort": "high", "provider": {"only": ["y"]}, "service_tier": null
    });
    let merged = filled(Dialect::Chat, preset.clone(), None, body);
    assert_eq!((&merged["temperature"], merged.get("max_tokens")), (&json!(0), None));
    assert_eq!((merged.get("reasoning"), &merged["provider"]), (None, &json!({"only": ["y"]})));
    assert_eq!((&merged["service_tier"], &merged["models"]), (&json!("flex"), &json!(["p/2"])));

    let body = json!({
        "model": "a/b", "preset": "p", "input": HI, "max_output_tokens": 5, "text": {"format": {"type": "text"}},
        "reasoning": {"effort": "high"}
    });
    let merged = filled(Dialect::Responses, preset.clone(), None, body.clone());
    for member in ["max_output_tokens", "text", "reasoning"] {
        assert_eq!(merged[member], body[member]);
    }

    let body = json!({
        "model": "a/b", "preset": "p", "messages": turns(), "fallbacks": [{"model": "c/d"}], "speed": "fast",
        "thinking": {"type": "disabled"}, "max_tokens": 5
    });
    let merged = filled(Dialect::Messages, preset.clone(), None, body);
    assert_eq!(
        (merged.get("models"), merged.get("service_tier"), &merged["max_tokens"]),
        (None, None, &json!(5))
    );
    assert_eq!(merged["output_config"], json!({"format": {"type": "json_schema", "schema": {}}}));
    let body =
        json!({"model": "a/b", "preset": "p", "messages": turns(), "output_config": {"effort": "max"}});
    let merged = filled(Dialect::Messages, preset, None, body);
    assert_eq!((&merged["output_config"], merged.get("thinking")), (&json!({"effort": "max"}), None));
}

#[test]
fn a_system_text_of_the_requests_own_stays_the_only_one() {
    for (dialect, own) in [
        (
            Dialect::Chat,
            json!({"messages": [{"role": "user", "content": HI}, {"role": "developer", "content": "O"}]}),
        ),
        (Dialect::Responses, json!({"input": HI, "instructions": "O"})),
        (
            Dialect::Responses,
            json!({"input": [{"role": "system", "content": "O"}, {"role": "user", "content": HI}]}),
        ),
        (Dialect::Messages, json!({"messages": turns(), "system": "O"})),
    ] {
        let mut body = own.clone();
        body["model"] = json!("a/b@preset/p");
        let mut merged = members(filled(dialect, json!({}), Some("S1"), body));
        merged.remove("model");
        assert_eq!(Value::Object(merged), own, "{dialect:?}");
    }
}

#[test]
fn a_text_completion_begins_with_the_system_text() {
    for prompt in [json!("Once"), json!(["Once"])] {
        let body = json!({"model": "@preset/p", "prompt": prompt, "echo": true});
        let merged =
            filled(Dialect::Completions, json!({"model": "a/b", "temperature": 0.5}), Some("S1"), body);
        let expected = json!({"model": "a/b", "temperature": 0.5, "prompt": "S1\n\nOnce", "echo": true});
        assert_eq!(merged, expected);
    }
}

#[test]
fn tools_are_united() {
    let function =
        |name: &str, says: &str| json!({"type": "function", "function": {"name": name, "description": says}});
    let advisor = |name: &str, model: &str| json!({"type": "openrouter:advisor", "parameters": {"name": name, "model": model}});
    let search = |engine: &str| json!({"type": "openrouter:web_search", "parameters": {"engine": engine}});
    let preset = json!({"tools": [function("f", "preset"), advisor("x", "p/1"), search("exa"), function("g", "preset")]});
    let own = json!([search("native"), function("h", "own"), advisor("y", "o/1"), function("f", "own")]);
    let body = json!({"model": "a/b", "preset": "p", "messages": turns(), "tools": own});
    let merged = filled(Dialect::Chat, preset.clone(), None, body);
    let expected = json!([
        function("f", "own"),
        advisor("x", "p/1"),
        search("native"),
        function("g", "preset"),
        function("h", "own"),
        advisor("y", "o/1")
    ]);
    assert_eq!(merged["tools"], expected);

    let body = json!({"model": "a/b", "preset": "p", "messages": turns(),
        "tools": [{"name": "f", "description": "own", "input_schema": {"type": "object"}}]});
    let merged = filled(Dialect::Messages, preset.clone(), None, body);
    let names: Vec<&Value> = merged["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, [&json!("f"), &Value::Null, &Value::Null, &json!("g")]);
    assert_eq!(merged["tools"][0]["description"], "own");

    let body = json!({"model": "a/b", "preset": "p", "messages": turns(), "tools": null});
    assert_eq!(filled(Dialect::Chat, preset.clone(), None, body)["tools"], preset["tools"]);
}

#[test]
fn what_no_provider_could_be_sent_makes_no_preset() {
    for (dialect, body, words) in [
        (Dialect::Chat, json!({"model": "a/b", "temperature": 9}), "`temperature`"),
        (Dialect::Chat, json!({"model": ""}), "`model` must not be empty"),
        (Dialect::Chat, json!({"model": "@preset/q"}), "cannot refer"),
        (Dialect::Chat, json!({"preset": "q"}), "cannot refer"),
        (Dialect::Chat, json!({"models": ["a/b", "c/d@preset/q"]}), "cannot refer"),
        (Dialect::Chat, json!({"provider": {"sort": "size"}}), "provider.sort"),
        (Dialect::Chat, json!({"plugins": [{"id": "nothing"}]}), "plugins[0]"),
        (Dialect::Chat, json!({"tools": [{"type": "function"}]}), "tools[0]"),
        (Dialect::Chat, json!({"cache_enabled": "yes"}), "`cache_enabled` must be true or false"),
        (Dialect::Chat, json!({"cache_ttl_seconds": 0}), "`cache_ttl_seconds` must be"),
        (Dialect::Chat, json!({"logit_bias": {"x": "y".repeat(300_000)}}), "at most 262144 bytes"),
        (Dialect::Messages, json!({"system": 7}), "`system`"),
        (Dialect::Messages, json!({"thinking": {"type": "much"}}), "`thinking.type`"),
        (Dialect::Responses, json!({"instructions": 7}), "`instructions`"),
        (Dialect::Responses, json!({"max_output_tokens": 0}), "`max_output_tokens`"),
        (Dialect::Chat, json!([]), "must be a JSON object"),
    ] {
        let refused = not_captured(dialect, body.clone());
        assert!(refused.contains(words), "{body:.100}: {refused}");
    }
    // Content is a request's own, whatever it is.
    for dialect in [Dialect::Chat, Dialect::Messages, Dialect::Responses] {
        let body = json!({"messages": 7, "input": {}, "prompt": [], "stream": "?"});
        assert_eq!(captured(dialect, body), Captured { config: Map::new(), system_prompt: None });
    }
}
