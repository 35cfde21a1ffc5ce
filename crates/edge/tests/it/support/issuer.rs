//! An issuer of accounts, as OpenID Connect has it on the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// The issuer, and whom it vouches for next.
pub(crate) struct Issuer {
    pub(crate) base: String,
    state: Arc<Desk>,
    serving: JoinHandle<()>,
}

struct Desk {
    base: String,
    key: EncodingKey,
    keys: Value,
    /// What was asked for under each code.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    claims: Mutex<Value>,
}

fn key() -> EncodingKey {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let lines: String = STANDARD
        .encode(der.as_ref())
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n");
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let key = key();
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some("key-1".to_owned());
        let keys = json!({ "keys": [jwk] });
        let state = Arc::new(Desk {
            base: base.clone(),
            key,
            keys,
            codes: Mutex::default(),
            claims: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(|State(desk): State<Arc<Desk>>| async move { Json(desk.keys.clone()) }))
            .route("/token", post(token))
            .with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum_serve(listener, router).await });
        Self { base, state, serving }
    }

    pub(crate) fn config(&self) -> String {
        format!(
            "[edge.oidc]\nissuer = \"{}\"\nclient_id = \"patchbay\"\nclient_secret = \"s:cret\"\n",
            self.base
        )
    }

    /// What it says of whoever signs in next, beside or instead of what every token has.
    pub(crate) fn vouch(&self, claims: Value) {
        *self.state.claims.lock().unwrap() = claims;
    }

    /// What somebody's browser brings back who signs in where `location` sends them: state and code.
    pub(crate) fn visit(&self, location: &str) -> (String, String) {
        let url = Url::parse(location).unwrap();
        assert!(location.starts_with(&format!("{}/authorize?", self.base)), "{location}");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], "patchbay");
        assert_eq!(asked["code_challenge_method"], "S256");
        let code = uuid::Uuid::now_v7().to_string();
        let state = asked["state"].clone();
        self.state.codes.lock().unwrap().insert(code.clone(), asked);
        (state, code)
    }

    pub(crate) fn stop(self) {
        self.serving.abort();
    }
}

async fn axum_serve(listener: TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
        });
    }
}

async fn metadata(State(desk): State<Arc<Desk>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", desk.base);
    Json(
        json!({ "issuer": desk.base, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
                 "jwks_uri": at("/keys") }),
    )
}

async fn token(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, StatusCode> {
    let basic = format!("Basic {}", STANDARD.encode("patchbay:s%3Acret"));
    let sent: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let asked = desk.codes.lock().unwrap().remove(&sent["code"]).ok_or(StatusCode::BAD_REQUEST)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&sent["code_verifier"]));
    let is_right = headers["authorization"] == basic.as_str()
        && sent["grant_type"] == "authorization_code"
        && sent["redirect_uri"] == asked["redirect_uri"]
        && challenge == asked["code_challenge"];
    if !is_right {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let mut claims = json!({ "iss": desk.base, "aud": "patchbay", "sub": "subject-1", "nonce": asked["nonce"],
                             "exp": jsonwebtoken::get_current_timestamp() + 300 });
    for (name, value) in desk.claims.lock().unwrap().as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = Header { kid: Some("key-1".to_owned()), ..Header::new(Algorithm::RS256) };
    let id_token = jsonwebtoken::encode(&header, &claims, &desk.key).unwrap();
    Ok(Json(json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token })))
}
