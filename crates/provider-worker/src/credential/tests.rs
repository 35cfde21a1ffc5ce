//! What is read out of credentials, where they send requests, and what they leave in messages.

mod aws;
mod google;
mod place;

use dialect::codec::AuthStyle;
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;

pub(super) fn credential(value: &Value) -> Credential {
    Credential::read(SecretString::from(value.to_string())).unwrap()
}

pub(super) fn request(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"{}")).unwrap()
}

async fn shown(style: AuthStyle, credential: &Credential) -> Result<HeaderMap, Error> {
    let mut request = request("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse");
    let (tokens, upstream) = (crate::credential::google::Tokens::new(), Upstream::new());
    show(&mut request, style, credential, Some("us-east-1"), &tokens, &upstream).await?;
    Ok(request.headers().clone())
}

#[tokio::test]
async fn a_key_is_shown_as_the_dialect_wants_it() {
    let plain = Credential::read(SecretString::from("key-1\n".to_owned())).unwrap();
    let object = credential(&json!({ "api_key": "key-1", "resource": "acme" }));
    let token = credential(&json!({ "token": "key-1" }));
    for (style, name, text) in [
        (AuthStyle::Bearer, "authorization", "Bearer key-1"),
        (AuthStyle::XApiKey, "x-api-key", "key-1"),
        (AuthStyle::XGoogApiKey, "x-goog-api-key", "key-1"),
        (AuthStyle::ApiKey, "api-key", "key-1"),
        (AuthStyle::SigV4 { service: "bedrock" }, "authorization", "Bearer key-1"),
        (AuthStyle::GoogleOAuth, "authorization", "Bearer key-1"),
    ] {
        for credential in [&plain, &object, &token] {
            let headers = shown(style, credential).await.unwrap();
            assert_eq!(headers[name], text, "{style:?}");
            assert!(headers[name].is_sensitive());
            assert_eq!(headers.len(), 1);
        }
    }
    assert!(shown(AuthStyle::None, &plain).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_credential_of_another_kind_is_refused_by_name() {
    let aws = credential(&json!({ "access_key_id": "AKID", "secret_access_key": "s" }));
    let half = credential(&json!({ "access_key_id": "AKID", "region": "us-east-1" }));
    for (style, credential) in [
        (AuthStyle::Bearer, &aws),
        (AuthStyle::ApiKey, &aws),
        (AuthStyle::GoogleOAuth, &aws),
        (AuthStyle::SigV4 { service: "bedrock" }, &half),
    ] {
        let error = shown(style, credential).await.unwrap_err();
        assert!(matches!(error, Error::Lacks(_)), "{style:?}: {error}");
        assert!(!error.is_outage());
    }
}

#[test]
fn a_malformed_object_is_refused_without_a_word_of_it() {
    for text in [r#"{"api_key": "sk-secret""#, r#"{"api_key": 1234567890}"#, "{sk-secret}"] {
        let error = Credential::read(SecretString::from(text.to_owned())).err().unwrap();
        let told = format!("{error} {error:?}");
        assert!(!told.contains("sk-secret") && !told.contains("1234567890"), "{told}");
    }
}

#[test]
fn every_secret_part_is_taken_out_of_messages() {
    let value = json!({
        "api_key": "key-9f", "token": "token-9f", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalr/xU",
        "session_token": "session-9f", "client_email": "worker@acme.example", "private_key": "-----BEGIN",
        "private_key_id": "kid-9f", "project_id": "acme-prod", "region": "us-east-1", "location": "global",
    });
    let secrets = ["key-9f", "token-9f", "AKIDEXAMPLE", "wJalr/xU", "session-9f", "worker@acme.example"];
    let more = ["-----BEGIN", "kid-9f", "acme-prod"];
    let message = format!("refused {value} in us-east-1: {}", secrets.join(" "));
    let clean = credential(&value).redact(message);
    for secret in secrets.iter().chain(&more) {
        assert!(!clean.contains(secret), "{secret} is left in {clean}");
    }
    assert!(clean.contains("in us-east-1"), "{clean}");
    let short = Credential::read(SecretString::from("e".to_owned())).unwrap();
    assert_eq!(short.redact("the message".to_owned()), "the message");
    assert_eq!(without("the message".to_owned(), ""), "the message");
}
