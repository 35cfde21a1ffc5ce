//! What is asked of the issuer, and what of its answers is believed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::config::OidcConfig;

/// How an issuer may sign: what it says of itself does not widen it.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of one answer.
const LONGEST: usize = 256 * 1024;
/// How long what the issuer says of itself is used.
const FRESH: Duration = Duration::from_secs(3_600);
/// How soon a key that is not known is looked for again.
const REST: Duration = Duration::from_secs(10);
/// Seconds that clocks may differ by.
const LEEWAY: u64 = 60;

/// Why the issuer could not be used. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssuerError {
    #[error("it does not answer")]
    Silent,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("its answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("it says that it is {0}")]
    Other(String),
    #[error("its token is not believed: {0}")]
    Token(String),
}

/// What the issuer says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

pub(super) struct Known {
    at: Instant,
    pub(super) metadata: Metadata,
    keys: JwkSet,
}

/// Whom the issuer vouches for.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    nonce: Option<String>,
    email: Option<String>,
    /// Some issuers write it as text.
    email_verified: Option<serde_json::Value>,
    pub(super) name: Option<String>,
}

impl Claims {
    /// The address, when the issuer has seen that it is theirs.
    pub(super) fn verified_email(&self) -> Option<&str> {
        let is_verified = match &self.email_verified {
            Some(serde_json::Value::Bool(is_verified)) => *is_verified,
            Some(serde_json::Value::String(text)) => text == "true",
            _ => false,
        };
        self.email.as_deref().filter(|_| is_verified)
    }
}

/// The configured issuer.
pub(super) struct Issuer {
    config: OidcConfig,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
    known: Mutex<Option<Arc<Known>>>,
}

impl Issuer {
    /// # Errors
    /// When the TLS library offers nothing that is safe.
    pub(super) fn new(config: OidcConfig) -> Result<Self, rustls::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(egress::tls()?)
            .https_or_http()
            .enable_http1()
            .build();
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { config, http, patience: PATIENCE, known: Mutex::new(None) })
    }

    pub(super) const fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// What the issuer says of itself, asked again when that is older than `age`.
    pub(super) async fn known(&self, age: Duration) -> Result<Arc<Known>, IssuerError> {
        // Whoever asks first asks for all, but nobody waits for others longer than for the issuer.
        let mut known = self.in_time(self.known.lock()).await?;
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < age) {
            return Ok(Arc::clone(known));
        }
        let asked = Arc::new(self.in_time(self.ask()).await??);
        *known = Some(Arc::clone(&asked));
        Ok(asked)
    }

    async fn ask(&self) -> Result<Known, IssuerError> {
        let base = self.config.issuer.trim_end_matches('/');
        let metadata: Metadata = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        if metadata.issuer.trim_end_matches('/') != base {
            return Err(IssuerError::Other(metadata.issuer));
        }
        let keys = self.get(&metadata.jwks_uri).await?;
        Ok(Known { at: Instant::now(), metadata, keys })
    }

    pub(super) async fn fresh(&self) -> Result<Arc<Known>, IssuerError> {
        self.known(FRESH).await
    }

    /// Whom the issuer vouches for, in exchange for the code that came back.
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        nonce: &str,
        redirect_uri: &str,
    ) -> Result<Claims, IssuerError> {
        #[derive(Deserialize)]
        struct Granted {
            id_token: String,
        }
        let known = self.fresh().await?;
        let request = self.token_request(&known.metadata, code, verifier, redirect_uri)?;
        let granted: Granted = self.send(request).await?;
        self.verify(&granted.id_token, nonce).await
    }

    fn token_request(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Request<Full<Bytes>>, IssuerError> {
        let (id, secret) = (self.config.client_id.as_str(), self.config.client_secret.expose_secret());
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|one| one == method);
        // The issuer's default is the header.
        let in_body = has("client_secret_post") && !has("client_secret_basic");
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut request = Request::post(&metadata.token_endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if in_body {
            form.append_pair("client_id", id).append_pair("client_secret", secret);
        } else {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
            request = request.header(AUTHORIZATION, format!("Basic {pair}"));
        }
        let body = Full::new(Bytes::from(form.finish()));
        request.body(body).map_err(|error| IssuerError::Unreachable(error.to_string()))
    }

    async fn verify(&self, token: &str, nonce: &str) -> Result<Claims, IssuerError> {
        let not_believed = |error: jsonwebtoken::errors::Error| IssuerError::Token(error.to_string());
        let header = decode_header(token).map_err(not_believed)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(IssuerError::Token(format!("it is signed with {:?}", header.alg)));
        }
        let mut known = self.fresh().await?;
        if key(&known.keys, header.kid.as_deref()).is_none() {
            known = self.known(REST).await?;
        }
        let found = key(&known.keys, header.kid.as_deref());
        let jwk = found.ok_or_else(|| IssuerError::Token("its key is not known".to_owned()))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.set_audience(&[&self.config.client_id]);
        validation.set_issuer(&[&known.metadata.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let key = DecodingKey::from_jwk(jwk).map_err(not_believed)?;
        let claims = decode::<Claims>(token, &key, &validation).map_err(not_believed)?.claims;
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(IssuerError::Token("it answers another request".to_owned()));
        }
        Ok(claims)
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, IssuerError> {
        let request = Request::get(url).header(ACCEPT, "application/json").body(Full::default());
        self.send(request.map_err(|error| IssuerError::Unreachable(error.to_string()))?).await
    }

    async fn send<T: DeserializeOwned>(&self, request: Request<Full<Bytes>>) -> Result<T, IssuerError> {
        let answer = async {
            let answer = self.http.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            Ok::<_, String>((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        let (status, body) = self.in_time(answer).await?.map_err(IssuerError::Unreachable)?;
        if status != StatusCode::OK {
            return Err(IssuerError::Refused(status));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, IssuerError> {
        tokio::time::timeout(self.patience, answer).await.map_err(|_| IssuerError::Silent)
    }
}

/// The key of this name; without a name, the only one.
fn key<'a>(keys: &'a JwkSet, name: Option<&str>) -> Option<&'a jsonwebtoken::jwk::Jwk> {
    match (name, keys.keys.as_slice()) {
        (Some(name), _) => keys.find(name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use axum::response::IntoResponse as _;
    use futures::future::join_all;
    use http::header::RETRY_AFTER;

    use super::super::{OidcConfig, OidcError};
    use super::*;

    #[tokio::test]
    async fn whoever_waits_while_an_issuer_is_silent_is_told_so_instead_of_asking_in_turn() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = OidcConfig {
            issuer: format!("http://{}", silent.local_addr().unwrap()),
            client_id: "patchbay".to_owned(),
            client_secret: "secret".into(),
            scopes: "openid".to_owned(),
            organization: String::new(),
            default_role: String::new(),
        };
        let issuer = Issuer { patience: Duration::from_millis(200), ..Issuer::new(config).unwrap() };
        for outcome in join_all((0..20).map(|_| issuer.fresh())).await {
            let error = outcome.err().expect("nobody answered");
            assert!(matches!(error, IssuerError::Silent), "{error}");
            let response = OidcError::Issuer(error).refusal().into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(RETRY_AFTER));
        }
        silent.set_nonblocking(true).unwrap();
        let asked = std::iter::from_fn(|| silent.accept().ok()).count();
        assert!(asked < 10, "of 20 that came at once {asked} asked, each as long as the issuer may take");
    }
}
