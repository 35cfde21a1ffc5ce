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
