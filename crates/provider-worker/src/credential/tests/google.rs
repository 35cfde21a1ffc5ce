use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::google::Tokens;
use super::super::{Credential, Error};
use super::credential;
use crate::upstream::Upstream;

/// A token endpoint on this machine that answers by script.
struct Endpoint {
    uri: String,
    seen: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<VecDeque<(u16, Value)>>>,
}

type Shared = (Arc<Mutex<Vec<String>>>, Arc<Mutex<VecDeque<(u16, Value)>>>);

impl Endpoint {
    async fn start(script: Vec<(u16, Value)>) -> Self {
        let (seen, script) = (Arc::default(), Arc::new(Mutex::new(script.into())));
        let shared: Shared = (Arc::clone(&seen), Arc::clone(&script));
        let app = Router::new().route("/token", post(answer)).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { uri, seen, script }
    }

    fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn answer(State((seen, script)): State<Shared>, body: String) -> (StatusCode, String) {
    seen.lock().unwrap().push(body);
    let (status, body) =
        script.lock().unwrap().pop_front().expect("one call more than the script has answers");
    (StatusCode::from_u16(status).unwrap(), body.to_string())
}

fn granted(token: &str, expires_in: u64) -> (u16, Value) {
    (200, json!({ "access_token": token, "expires_in": expires_in, "token_type": "Bearer" }))
}

fn key() -> (KeyPair, String) {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    (key, pem)
}

fn account(pem: &str, token_uri: &str, email: &str) -> Credential {
    credential(&json!({
        "type": "service_account", "client_email": email, "private_key": pem, "private_key_id": "kid-1",
        "token_uri": token_uri, "project_id": "acme-prod", "location": "global",
    }))
}

async fn token(tokens: &Tokens, upstream: &Upstream, credential: &Credential) -> Result<String, Error> {
    let account = credential.google_account().unwrap();
    tokens.of(&account, upstream).await.map(|token| token.expose_secret().to_owned())
}

#[tokio::test]
async fn a_service_account_is_exchanged_once_for_all_who_wait() {
    let (key, pem) = key();
    let endpoint = Endpoint::start(vec![granted("t-1", 3_600), granted("t-2", 3_600)]).await;
    let (tokens, upstream) = (Tokens::new(), Upstream::new());
    let credential = account(&pem, &endpoint.uri, "a@acme.example");
    let all = (0..50).map(|_| token(&tokens, &upstream, &credential));
    for got in futures::future::join_all(all).await {
        assert_eq!(got.unwrap(), "t-1");
    }
    assert_eq!(endpoint.calls(), 1);

    let body = endpoint.seen.lock().unwrap()[0].clone();
    let form: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form[0], ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()));
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[&endpoint.uri]);
    rules.set_issuer(&["a@acme.example"]);
    let public = DecodingKey::from_rsa_der(key.public_key().as_ref());
    let assertion = jsonwebtoken::decode::<Value>(&form[1].1, &public, &rules).unwrap();
    assert_eq!(assertion.header.kid.as_deref(), Some("kid-1"));
    assert_eq!(assertion.claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let claim = |name: &str| assertion.claims[name].as_u64().unwrap();
    assert_eq!(claim("exp") - claim("iat"), 3_600);

    let other = account(&pem, &endpoint.uri, "b@acme.example");
    assert_eq!(token(&tokens, &upstream, &other).await.unwrap(), "t-2");
}

#[tokio::test]
async fn a_token_about_to_end_is_replaced() {
    let (_, pem) = key();
    let script = vec![granted("t-1", 60), granted("t-2", 30), granted("t-3", 3_600)];
    let endpoint = Endpoint::start(script).await;
    let (tokens, upstream) = (Tokens::new(), Upstream::new());
    let credential = account(&pem, &endpoint.uri, "a@acme.example");
    for expected in ["t-1", "t-2", "t-3", "t-3"] {
        assert_eq!(token(&tokens, &upstream, &credential).await.unwrap(), expected);
    }
    assert_eq!(endpoint.calls(), 3);
}

#[tokio::test]
async fn failures_are_typed_and_stand_only_for_a_moment() {
    let (_, pem) = key();
    let refusal = json!({ "error": "invalid_grant", "error_description": "Invalid JWT: eyJhbGciOi" });
    let script = vec![
        (400, refusal),
        (503, json!({})),
        (200, json!({ "id_token": "x" })),
        (200, json!({ "access_token": "t-1", "expires_in": 3_600 })),
    ];
    let endpoint = Endpoint::start(script).await;
    let (tokens, upstream) = (Tokens::new(), Upstream::new());
    let credential = account(&pem, &endpoint.uri, "a@acme.example");
    let mut told = Vec::new();
    let got = loop {
        match token(&tokens, &upstream, &credential).await {
            Ok(token) => break token,
            Err(error) => told.push((error.is_outage(), error.to_string())),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    told.dedup();
    assert_eq!(got, "t-1");
    assert_eq!(told.iter().map(|(is_outage, _)| *is_outage).collect::<Vec<_>>(), [false, true, true]);
    assert!(told[0].1.contains("status 400: invalid_grant"), "{told:?}");
    assert!(told.iter().all(|(_, text)| !text.contains("eyJ")), "{told:?}");
    assert_eq!(endpoint.calls(), 4);
    assert!(endpoint.script.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_credential_cannot_make_the_worker_call_others() {
    let (_, pem) = key();
    let (tokens, upstream) = (Tokens::new(), Upstream::new());
    for uri in [
        "https://evil.example/token",
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com.evil.example/token",
        "https://oauth2.googleapis.com:8443/token",
        "https://evil.example#.googleapis.com",
        "https://a@oauth2.googleapis.com/token",
        "https://evilgoogleapis.com/token",
        "http://169.254.169.254/token",
        "http://10.0.0.1/token",
        "http://0.0.0.0/token",
        "http://[::ffff:127.0.0.1]/token",
        "http://localhost/token",
        "file:///etc/passwd",
        "token",
    ] {
        let error = token(&tokens, &upstream, &account(&pem, uri, "a@acme.example")).await.unwrap_err();
        assert!(matches!(error, Error::TokenUri), "{uri}: {error}");
    }
    let error =
        token(&tokens, &upstream, &account("no pem", "http://127.0.0.1:1/token", "a")).await.unwrap_err();
    assert!(matches!(error, Error::PrivateKey), "{error}");
    let gone = account(&pem, "http://127.0.0.1:1/token", "a");
    let error = token(&tokens, &upstream, &gone).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && error.is_outage(), "{error}");
    let default = credential(&json!({ "client_email": "a", "private_key": "k" }));
    let account = default.google_account().unwrap();
    assert_eq!(account.token_uri, "https://oauth2.googleapis.com/token");
    let _: &SecretString = account.whole;
}
