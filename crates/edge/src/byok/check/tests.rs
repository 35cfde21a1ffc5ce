use serde_json::{Value, json};

use super::*;

fn provider(slug: &str, dialect: &str, base_url: &str) -> Provider {
    Provider {
        slug: slug.to_owned(),
        dialect: dialect.to_owned(),
        base_url: base_url.to_owned(),
        ..Provider::default()
    }
}

fn openai() -> Provider {
    provider("openai", "openai", "https://api.openai.com/v1")
}

fn azure() -> Provider {
    provider("azure", "openai", "https://{resource}.openai.azure.com/openai/v1")
}

fn bedrock() -> Provider {
    provider("amazon-bedrock", "bedrock", "https://bedrock-runtime.{region}.amazonaws.com")
}

fn vertex() -> Provider {
    provider("google-vertex", "vertex", "https://{location}-aiplatform.googleapis.com/v1")
}

fn refusal(provider: &Provider, key: &str) -> Option<String> {
    check(provider, &SecretString::from(key)).err()
}

fn json_refusal(provider: &Provider, key: &Value) -> Option<String> {
    refusal(provider, &key.to_string())
}

#[test]
fn each_provider_takes_what_its_requests_can_show() {
    assert_eq!(refusal(&openai(), "sk-proj-abc"), None);
    assert_eq!(json_refusal(&openai(), &json!({ "api_key": "sk-proj-abc", "region": "eu" })), None);
    assert_eq!(json_refusal(&azure(), &json!({ "api_key": "k", "resource": "acme-prod" })), None);
    let aws = json!({ "access_key_id": "AKIA", "secret_access_key": "s", "region": "eu-west-1" });
    assert_eq!(json_refusal(&bedrock(), &aws), None);
    assert_eq!(json_refusal(&bedrock(), &json!({ "api_key": "k", "region": "eu-west-1" })), None);
    let account = json!({ "type": "service_account", "project_id": "p", "client_email": "a@p", "private_key": "k",
                          "token_uri": "https://oauth2.googleapis.com/token", "region": "europe-west4" });
    assert_eq!(json_refusal(&vertex(), &account), None);
    let mut fixed = azure();
    fixed.quirks.insert("resource".to_owned(), "acme".into());
    assert_eq!(refusal(&fixed, "key"), None, "the provider says itself where it is");
}

#[test]
fn what_could_never_be_used_is_refused_in_words() {
    let lacks = |provider: &Provider, key: Value, words: &str| {
        let told = json_refusal(provider, &key).unwrap();
        assert!(told.contains(words), "{told}");
    };
    assert!(refusal(&azure(), "plain-key").unwrap().contains("takes a JSON object; this lacks `resource`"));
    lacks(&azure(), json!({ "resource": "acme" }), "needs `api_key`");
    lacks(&bedrock(), json!({ "access_key_id": "AKIA", "region": "eu-west-1" }), "`secret_access_key`");
    lacks(&vertex(), json!({ "client_email": "a", "private_key": "k", "project_id": "p" }), "`location`");
    lacks(&openai(), json!({ "api_key": "" }), "needs `api_key`");
    lacks(&azure(), json!({ "api_key": "k", "resource": "evil.example/" }), "`resource` must be");
    lacks(&azure(), json!({ "api_key": "k", "endpoint_url": "https://evil.example" }), "leave addresses out");
    for uri in
        ["http://127.0.0.1:1/", "https://evil.example/", "https://x@oauth2.googleapis.com/", "file:///x"]
    {
        lacks(&vertex(), json!({ "token": "t", "token_uri": uri }), "`token_uri` must be");
    }
    for bad in ["", "   ", "two words", "line\nbreak", "schlüssel", &"k".repeat(LONGEST + 1)] {
        assert!(refusal(&openai(), bad).is_some(), "{bad}");
    }
}

#[test]
fn a_refusal_quotes_nothing() {
    for key in
        [r#"{"api_key": sk-secret-1234}"#, r#"{"api_key": 123456789}"#, r#"{"api_key":"sk-secret-1234"#]
    {
        let told = refusal(&openai(), key).unwrap();
        assert!(!told.contains("sk-secret") && !told.contains("123456789"), "{told}");
    }
}

#[test]
fn a_label_tells_keys_apart_and_gives_none_away() {
    let label = |key: &str| label(&SecretString::from(key));
    assert_eq!(label("sk-proj-0123456789abcdefAbCd"), "sk-...AbCd");
    assert_eq!(label("0123456789abcd"), "...abcd");
    assert_eq!(label("short"), "...");
    let aws =
        json!({ "access_key_id": "AKIA0123456789EXAMPLE", "secret_access_key": "wJalrXUtnFEMIK7MDENG" });
    assert_eq!(label(&aws.to_string()), "...MPLE");
    assert_eq!(label(&json!({ "client_email": "a", "private_key": "k" }).to_string()), "...");
}
