//! The exchange of a signed assertion for an access token.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::admin::json_response;
use crate::body::Body;
use crate::route::decoded;
use crate::seed::{ALPHANUMERIC, Dice, Hash};
use crate::simulator::{Simulator, unix_millis};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How tokens begin that are handed out here.
const PREFIX: &str = "ya29.sim-";
/// Seconds that a token holds.
const HOLDS: u64 = 3599;
/// Seconds that an assertion may hold at most.
const ASSERTION: u64 = 3600;
/// Seconds by which two clocks may differ.
const SKEW: u64 = 60;
/// How many tokens are remembered.
const REMEMBERED: usize = 1024;
/// The model whose script applies to the exchange.
const SCRIPT: &str = "oauth/token";

/// The tokens that were handed out, with the time in Unix milliseconds until which they hold.
#[derive(Debug, Default)]
pub(crate) struct AccessTokens(Mutex<VecDeque<(String, u64)>>);

impl AccessTokens {
    /// Whether a token claims to be from here and is not, or holds no longer.
    pub(super) fn refuses(&self, token: &str, now: u64) -> bool {
        let tokens = self.tokens();
        token.starts_with(PREFIX) && !tokens.iter().any(|(known, until)| known == token && *until > now)
    }

    fn hand_out(&self, token: &str, until: u64) {
        let mut tokens = self.tokens();
        if tokens.len() >= REMEMBERED {
            tokens.pop_front();
        }
        tokens.push_back((token.to_owned(), until));
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// Exchanges an assertion. Its signature is not checked: nobody's key is known here. A script with the
    /// model `oauth/token` may set a status, or, as `tokens`, the seconds that the token holds.
    pub(crate) fn token(&self, provider: &str, body: &[u8]) -> Response<Body> {
        let now = unix_millis();
        let script = self.faults.take(provider, SCRIPT, &mut Dice::new(now)).unwrap_or_default();
        if let Some(status) = script.status {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return json_response(status, &error("temporarily_unavailable", "Scripted by the simulator."));
        }
        if let Err((code, description)) = check(body, now / 1000) {
            return json_response(StatusCode::BAD_REQUEST, &error(code, description));
        }
        let seconds = script.tokens.unwrap_or(HOLDS);
        let seed = Hash::new().number(self.config.seed).number(now).field(provider.as_bytes()).field(body);
        let token = format!("{PREFIX}{}", Dice::new(seed.value()).word(48, ALPHANUMERIC));
        self.tokens.hand_out(&token, now + seconds * 1000);
        let answer = json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"});
        json_response(StatusCode::OK, &answer)
    }
}

fn error(code: &str, description: &str) -> Value {
    json!({"error": code, "error_description": description})
}

/// Whether the form holds an assertion that Google would take, but for its signature.
fn check(body: &[u8], now: u64) -> Result<(), (&'static str, &'static str)> {
    let form = String::from_utf8_lossy(body).replace('+', " ");
    let field =
        |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded);
    if field("grant_type").as_deref() != Some(GRANT) {
        return Err(("unsupported_grant_type", "Invalid grant_type"));
    }
    let Some(assertion) = field("assertion") else {
        return Err(("invalid_request", "Missing parameter: assertion"));
    };
    let parts: Vec<&str> = assertion.split('.').collect();
    let (Some(head), Some(claims), Some(true)) = (
        parts.first().and_then(|part| json_of(part)),
        parts.get(1).and_then(|part| json_of(part)),
        parts.get(2).map(|signature| parts.len() == 3 && signed(signature)),
    ) else {
        return Err(("invalid_grant", "Bad Request"));
    };
    if head["alg"] != "RS256" {
        return Err(("invalid_grant", "Invalid JWT Signature."));
    }
    let named =
        ["iss", "scope", "aud"].iter().all(|name| claims[*name].as_str().is_some_and(|it| !it.is_empty()));
    if !named {
        return Err(("invalid_request", "Required parameter is missing: scope"));
    }
    let (Some(issued), Some(expires)) = (claims["iat"].as_u64(), claims["exp"].as_u64()) else {
        return Err(("invalid_grant", "Invalid JWT: iat and exp are required."));
    };
    let timely = issued <= now + SKEW && expires + SKEW > now && expires.saturating_sub(issued) <= ASSERTION;
    if timely {
        return Ok(());
    }
    Err((
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp \
         values in the JWT claim.",
    ))
}

fn json_of(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn signed(signature: &str) -> bool {
    URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(head: &Value, claims: &Value) -> Vec<u8> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let assertion = format!("{}.{}.{}", part(head), part(claims), URL_SAFE_NO_PAD.encode("signature"));
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
            .into()
    }

    #[test]
    fn assertions_are_short_lived_and_complete() {
        let head = json!({"alg": "RS256", "typ": "JWT"});
        let claims = |issued: u64, expires: u64| json!({"iss": "a@b", "scope": "s", "aud": "https://t", "iat": issued, "exp": expires});
        assert_eq!(check(&form(&head, &claims(1000, 4600)), 1000), Ok(()));
        assert_eq!(check(&form(&head, &claims(1000, 4601)), 1000).unwrap_err().0, "invalid_grant");
        assert_eq!(check(&form(&head, &claims(1000, 2000)), 3000).unwrap_err().0, "invalid_grant");
        assert_eq!(check(&form(&head, &json!({})), 1000).unwrap_err().0, "invalid_request");
        assert_eq!(check(b"grant_type=password", 1000).unwrap_err().0, "unsupported_grant_type");
    }
}
