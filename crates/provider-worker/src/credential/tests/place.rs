use serde_json::{Value, json};

use super::super::Error;
use super::super::place::Places;
use super::credential;

fn fill(template: &str, quirks: &Value, credential_json: &Value) -> Result<String, Error> {
    let credential = credential(credential_json);
    let quirks = quirks.as_object().unwrap();
    let places = Places { quirks, credential: Some(&credential), simulated: false };
    places.fill(template).map(std::borrow::Cow::into_owned)
}

#[test]
fn names_are_filled_in_from_the_endpoint_before_its_credential() {
    let vertex = "https://{location}-aiplatform.googleapis.com/v1";
    let bedrock = "https://bedrock-runtime.{region}.amazonaws.com";
    let azure = "https://{resource}.openai.azure.com/openai/v1";
    let path = "/projects/{project}/locations/{location}/publishers/google/models/m:generateContent?alt=sse";
    let none = json!({});
    for (template, quirks, credential, expected) in [
        (
            bedrock,
            json!({ "region": "eu-west-1" }),
            none.clone(),
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        ),
        (
            bedrock,
            none.clone(),
            json!({ "region": "us-east-1" }),
            "https://bedrock-runtime.us-east-1.amazonaws.com",
        ),
        (
            bedrock,
            json!({ "region": "eu-west-1" }),
            json!({ "region": "us-east-1" }),
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        ),
        (azure, none.clone(), json!({ "resource": "acme-1" }), "https://acme-1.openai.azure.com/openai/v1"),
        (
            vertex,
            none.clone(),
            json!({ "location": "europe-west4" }),
            "https://europe-west4-aiplatform.googleapis.com/v1",
        ),
        (vertex, json!({ "location": "global" }), none.clone(), "https://aiplatform.googleapis.com/v1"),
        (vertex, json!({ "location": "us" }), none.clone(), "https://aiplatform.us.rep.googleapis.com/v1"),
        (vertex, json!({ "location": "eu" }), none.clone(), "https://aiplatform.eu.rep.googleapis.com/v1"),
        (
            path,
            none.clone(),
            json!({ "location": "eu", "project_id": "acme-prod" }),
            "/projects/acme-prod/locations/eu/publishers/google/models/m:generateContent?alt=sse",
        ),
        ("https://host.example/{model}", none.clone(), none.clone(), "https://host.example/{model}"),
    ] {
        assert_eq!(fill(template, &quirks, &credential).unwrap(), expected);
    }
}

#[test]
fn no_value_leads_anywhere_else() {
    let long = "a".repeat(65);
    for value in [
        "",
        "evil.example/",
        "a.b",
        "a/b",
        "a@b",
        "a:1",
        "a#",
        "a?b",
        "A",
        "ä",
        " a",
        "{region}",
        "a%2f",
        &long,
    ] {
        for (quirks, credential) in
            [(json!({ "resource": value }), json!({})), (json!({}), json!({ "resource": value }))]
        {
            let error = fill("https://{resource}.example.com", &quirks, &credential).unwrap_err();
            assert!(matches!(error, Error::Place("resource")), "{value}: {error}");
        }
    }
    let number =
        fill("https://{resource}.example.com", &json!({ "resource": 1 }), &json!({ "resource": "a" }));
    assert!(matches!(number.unwrap_err(), Error::Place("resource")));
}

#[test]
fn a_name_that_nothing_fills_in_is_told() {
    for name in ["region", "location", "project", "resource"] {
        let error = fill(&format!("https://x.example/{{{name}}}"), &json!({}), &json!({})).unwrap_err();
        assert!(matches!(error, Error::Unfilled(told) if told == name));
        assert!(error.to_string().contains(&format!("`{{{name}}}`")), "{error}");
    }
}

#[test]
fn a_simulated_provider_is_nowhere_in_particular() {
    let quirks = serde_json::Map::new();
    let places = Places { quirks: &quirks, credential: None, simulated: true };
    assert_eq!(places.fill("/projects/{project}/x").unwrap(), "/projects/simulated/x");
    assert_eq!(places.region("127.0.0.1").unwrap(), Some("simulated"));
}

#[test]
fn the_signing_region_is_said_or_read_off_the_host() {
    let (none, said) = (json!({}), json!({ "region": "eu-west-1" }));
    for (host, quirks, expected) in [
        ("bedrock-runtime.us-west-2.amazonaws.com", &none, Some("us-west-2")),
        ("bedrock-runtime.us-west-2.amazonaws.com", &said, Some("eu-west-1")),
        ("bedrock-mantle.us-west-2.api.aws", &none, Some("us-west-2")),
        ("vpce.example", &said, Some("eu-west-1")),
        ("vpce.example", &none, None),
    ] {
        let places = Places { quirks: quirks.as_object().unwrap(), credential: None, simulated: false };
        assert_eq!(places.region(host).unwrap(), expected, "{host}");
    }
}
