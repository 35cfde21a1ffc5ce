//! What is said when nothing is left.

use super::*;

#[test]
fn refusals_speak_the_public_vocabulary() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/e", "one", 1), ("a/off", "one", 1)]);
    rows.models[1].output_modalities = names(&["embeddings"]);
    rows.models[2].disabled = true;
    let catalogue = build(rows);
    let code = |fault: &rpc::Fault| {
        let availability: serde_json::Value =
            serde_json::from_str(fault.availability.as_ref().unwrap()).unwrap();
        for field in ["code", "retryable", "requested_models", "docs_url"] {
            assert!(availability.get(field).is_some(), "{field}");
        }
        (fault.status, availability["code"].as_str().unwrap().to_owned(), availability)
    };
    let fault = refuse(&catalogue, &["nobody/knows"], wishes(), text());
    assert_eq!(fault.message, "nobody/knows is not a valid model ID");
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (400, "model_not_found"));
    let fault = refuse(&catalogue, &["a/e"], wishes(), text());
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (400, "wrong_endpoint"));
    let fault = refuse(&catalogue, &["a/off"], wishes(), text());
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (404, "no_endpoints"));
    let only = names(&["nobody"]);
    let fault = refuse(&catalogue, &["a/m"], Preferences { only: &only, ..wishes() }, text());
    let (status, name, body) = code(&fault);
    assert_eq!((status, name.as_str()), (404, "constraint_filtered"));
    assert_eq!(body["excluded_by"], serde_json::json!(["allowed_providers"]));
    assert_eq!(body["constraint"]["field"], "provider.only");
    let fault = refuse(&catalogue, &["a/m"], Preferences { zero_data_retention: true, ..wishes() }, text());
    assert_eq!(code(&fault).1, "privacy_restricted");
    let image = Profile { inputs: Modalities::of(["text", "image"]), ..text() };
    let fault = refuse(&catalogue, &["a/m"], wishes(), image);
    assert_eq!((code(&fault).1.as_str(), fault.error_type.as_str()), ("constraint_filtered", "not_found"));
    assert_eq!(refuse(&catalogue, &[], wishes(), text()).status, 400);
}

/// The status of a refusal, its message and its `availability`.
fn told(fault: rpc::Fault) -> (u16, String, serde_json::Value) {
    (fault.status, fault.message, serde_json::from_str(&fault.availability.unwrap()).unwrap())
}

/// A family of three, another model of their author, and a stranger.
fn family() -> rows::Tables {
    let mut rows = tables(&[
        ("a/min-1", "one", 9),
        ("a/min-2", "one", 3),
        ("a/min-3", "one", 2),
        ("a/other", "two", 1),
        ("b/min-9", "two", 1),
    ]);
    for at in 0..3 {
        rows.models[at].family = Some("m".to_owned());
    }
    rows
}

#[test]
fn an_unknown_name_is_told_of_those_most_like_it() {
    let catalogue = build(family());
    for (name, expected) in [
        ("a/min-4", vec!["a/min-3", "a/min-2", "a/min-1"]),
        ("a/othello", vec!["a/other"]),
        ("min-99", vec!["b/min-9"]),
        ("c/min-4", vec![]),
        ("a/x", vec![]),
    ] {
        let (status, _, body) = told(refuse(&catalogue, &[name], wishes(), text()));
        assert_eq!((status, body["code"].as_str()), (400, Some("model_not_found")));
        let models: Vec<&str> = body["fallback_models"]
            .as_array()
            .map(|models| models.iter().filter_map(serde_json::Value::as_str).collect())
            .unwrap_or_default();
        assert_eq!(models.first(), expected.first(), "{name}");
        if name != "min-99" {
            assert_eq!(models, expected, "{name}");
        }
    }
}

#[test]
fn a_free_variant_that_ended_names_the_model_that_is_left() {
    let catalogue = build(family());
    for name in ["a/min-2:free", "a/min-2:free:nitro"] {
        let (status, message, body) = told(refuse(&catalogue, &[name], wishes(), text()));
        assert_eq!((status, body["code"].as_str()), (404, Some("free_variant_ended")));
        assert_eq!(body["fallback_models"], serde_json::json!(["a/min-2"]));
        assert_eq!(message, format!("{name} is no longer offered. a/min-2 is, at a price."));
    }
    let (status, ..) = told(refuse(&catalogue, &["a/nothing:free"], wishes(), text()));
    assert_eq!(status, 400);
    let (status, _, body) = told(refuse(&catalogue, &["a/min-2:extended"], wishes(), text()));
    assert_eq!((status, body["code"].as_str()), (400, Some("model_not_found")));
}

#[test]
fn a_model_is_deprecated_once_all_its_endpoints_are_past_their_dates() {
    let mut rows = family();
    rows.endpoints[0].deprecation_date = Some("2023-11-13".to_owned());
    let (status, _, body) = told(refuse(&build(rows.clone()), &["a/min-1"], wishes(), text()));
    assert_eq!((status, body["code"].as_str()), (404, Some("model_deprecated")));
    assert_eq!(body["fallback_models"], serde_json::json!(["a/min-3", "a/min-2", "a/other"]));
    // An operator who disables it as well changes nothing of that.
    rows.models[0].disabled = true;
    let (_, _, body) = told(refuse(&build(rows.clone()), &["a/min-1"], wishes(), text()));
    assert_eq!(body["code"], "model_deprecated");
    // On its last day it is still offered: now is 22:13 on it.
    rows.models[0].disabled = false;
    rows.endpoints[0].deprecation_date = Some("2023-11-14".to_owned());
    let last_day = build(rows.clone());
    assert_eq!(run(&last_day, &["a/min-1"], wishes(), text(), &Standings::new(), 1).0, ["one"]);
    rows.models[0].disabled = true;
    let (_, _, body) = told(refuse(&build(rows), &["a/min-1"], wishes(), text()));
    assert_eq!(body["code"], "no_endpoints");
    assert_eq!(body["affected_providers"], serde_json::json!(["one"]));
}

#[test]
fn only_the_data_region_in_the_way_is_forbidden_and_not_absent() {
    let exclusion = |at, reason| Exclusion { subject: Subject::Endpoint(at), reason };
    let refusal = |exclusions| Refusal::NothingLeft {
        names: vec!["a/m"],
        exclusions,
        providers: vec!["one".to_owned()],
        similar: Vec::new(),
    };
    let only = refusal(vec![exclusion(0, Reason::Region), exclusion(1, Reason::Disabled)]);
    let fault = rpc::Fault::from(only);
    assert_eq!(fault.error_type, "permission_denied");
    let (status, _, body) = told(fault);
    assert_eq!((status, body["code"].as_str()), (403, Some("region_restricted")));
    assert_eq!(body["excluded_by"], serde_json::json!(["data_region"]));
    let mixed = refusal(vec![exclusion(0, Reason::Region), exclusion(1, Reason::MaxPrice)]);
    let (status, _, body) = told(mixed.into());
    assert_eq!((status, body["code"].as_str()), (404, Some("constraint_filtered")));
    assert_eq!(body["excluded_by"], serde_json::json!(["data_region", "max_price"]));
}

#[test]
fn a_router_without_candidates_says_what_they_lacked() {
    let catalogue = build(family());
    let models = names(&["patchbay/cheapest"]);
    let plugins =
        Plugins::read(r#"[{"id":"cheapest-router","require":["video"],"min_context_length":9000}]"#).unwrap();
    let preferences = Preferences { zero_data_retention: true, ..wishes() };
    let request = Request { models: &models, preferences, profile: text(), plugins, ..Request::default() };
    let refusal = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap_err();
    let (status, message, body) = told(refusal.into());
    assert_eq!((status, &*message), (404, "No models match your request and model restrictions"));
    assert_eq!(body["code"], "constraint_filtered");
    assert_eq!(body["excluded_by"], serde_json::json!(["data_policy:zdr"]));
    assert_eq!(body["requested_models"], serde_json::json!(["patchbay/cheapest"]));
}
