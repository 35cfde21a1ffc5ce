//! Access tokens that Google's service accounts get for a signed assertion (RFC 7523).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use moka::Expiry;
use moka::future::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Error;
use crate::upstream::{self, Upstream};

/// Where tokens come from, unless the account says otherwise.
pub(crate) const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion is good, in seconds; the most that Google takes.
const ASSERTION_SECONDS: u64 = 3_600;
/// A token is not used for so long before it ends.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a failure stands for those that ask next.
const FAILURE: Duration = Duration::from_millis(500);
const CONNECT_MS: u32 = 2_000;
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the token endpoint's answer.
const LONGEST_ANSWER: usize = 64 * 1024;
/// Accounts whose tokens are kept.
const CAPACITY: u64 = 4_096;

/// A service account.
pub(crate) struct Account<'a> {
    pub(crate) email: &'a SecretString,
    pub(crate) private_key: &'a SecretString,
    pub(crate) key_id: Option<&'a SecretString>,
    pub(crate) token_uri: &'a str,
    /// The credential it stands in: another credential gets a token of its own.
    pub(crate) whole: &'a SecretString,
}

/// The tokens in use, each got once for all who wait for it.
pub(crate) struct Tokens(Cache<Vec<u8>, Arc<Kept>>);

/// What an exchange came to.
struct Kept {
    token: Result<SecretString, Error>,
    good_for: Duration,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).expire_after(Lifetimes).build())
    }

    /// The token of an account. Whoever asks first gets it for all; when that one goes away, the next does.
    ///
    /// # Errors
    /// [`Error`] when the account or the token endpoint is at fault, for half a second the same to everybody.
    pub(crate) async fn of(&self, account: &Account<'_>, upstream: &Upstream) -> Result<SecretString, Error> {
        let credential = digest::digest(&digest::SHA256, account.whole.expose_secret().as_bytes());
        let exchange = async { Arc::new(keep(exchange(account, upstream).await)) };
        let kept = self.0.get_with(credential.as_ref().to_vec(), exchange).await;
        kept.token.clone()
    }
}

fn keep(outcome: Result<Granted, Error>) -> Kept {
    match outcome {
        Ok(granted) => Kept {
            token: Ok(granted.access_token),
            good_for: Duration::from_secs(granted.expires_in).saturating_sub(MARGIN),
        },
        Err(error) => Kept { token: Err(error), good_for: FAILURE },
    }
}

struct Lifetimes;

impl Expiry<Vec<u8>, Arc<Kept>> for Lifetimes {
    fn expire_after_create(&self, _: &Vec<u8>, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.good_for)
    }

    /// A new token in the place of one that has ended but was not swept away yet.
    fn expire_after_update(
        &self,
        _: &Vec<u8>,
        kept: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.good_for)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    /// Seconds.
    expires_in: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error: String,
}

async fn exchange(account: &Account<'_>, upstream: &Upstream) -> Result<Granted, Error> {
    let uri = token_uri(account.token_uri)?;
    let assertion = assertion(account)?;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", GRANT)
        .append_pair("assertion", &assertion)
        .finish();
    let request = Request::post(uri.as_str())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(Bytes::from(body))
        .map_err(|_| Error::TokenUri)?;
    let answer = async {
        let mut answer = upstream.send(request, CONNECT_MS).await?;
        let body = answer.whole(LONGEST_ANSWER).await?;
        Ok::<_, upstream::Error>((answer.status, body))
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| Error::Late)?;
    let (status, body) = answer.map_err(|error| Error::Unreachable(error.to_string()))?;
    granted(status, &body)
}

fn granted(status: StatusCode, body: &[u8]) -> Result<Granted, Error> {
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|_| Error::NoToken);
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Error::Failing(status.as_u16()));
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    // Only the registered codes, such as `invalid_grant`: the description may quote the assertion.
    let is_code =
        refusal.error.len() < 64 && refusal.error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let code = if is_code { refusal.error } else { String::new() };
    Err(Error::Refused { status: status.as_u16(), code })
}

/// Google's own hosts, or this machine: a credential must not make the worker call anything else.
fn token_uri(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| Error::TokenUri)?;
    let may = match url.host() {
        Some(Host::Domain(name)) => {
            url.scheme() == "https" && url.port().is_none() && name.ends_with(".googleapis.com")
        }
        Some(Host::Ipv4(address)) => address.is_loopback() && matches!(url.scheme(), "http" | "https"),
        Some(Host::Ipv6(address)) => address.is_loopback() && matches!(url.scheme(), "http" | "https"),
        None => false,
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    if may && !has_user { Ok(url) } else { Err(Error::TokenUri) }
}

fn assertion(account: &Account<'_>) -> Result<String, Error> {
    let key = EncodingKey::from_rsa_pem(account.private_key.expose_secret().as_bytes())
        .map_err(|_| Error::PrivateKey)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = Claims {
        iss: account.email.expose_secret(),
        scope: SCOPE,
        aud: account.token_uri,
        iat: now,
        exp: now + ASSERTION_SECONDS,
    };
    let kid = account.key_id.map(|id| id.expose_secret().to_owned());
    let header = Header { kid, ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, &claims, &key).map_err(|_| Error::PrivateKey)
}
