//! Service tokens: 60-second Ed25519 tokens that say who calls whom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;
use identity::{Role, ServiceClaims};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::Status;

const LIFETIME: u64 = 60;
/// A token is reused until this much of its life is left, and so verified once, not per call.
const RENEW_AFTER: Duration = Duration::from_secs(30);
const KNOWN_LIMIT: usize = 256;

/// The service signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the service key is not base64 of an Ed25519 PKCS#8 document")]
    Malformed,
    #[error("no service key could be generated")]
    Generate,
    #[error("a service token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Signs this process's calls and checks those of others.
#[derive(Clone)]
pub struct ServiceKeys(Arc<Keys>);

struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    issued: Mutex<HashMap<(Role, Role), (Instant, HeaderValue)>>,
    known: Mutex<HashMap<(Role, HeaderValue), u64>>,
}

impl ServiceKeys {
    /// A new signing key in the form that configuration carries: base64 of PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Generate`] when the system gives no randomness.
    pub fn generate() -> Result<SecretString, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
        let document = pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        Ok(BASE64.encode(document.as_ref()).into())
    }

    /// # Errors
    /// [`KeyError::Malformed`] when `text` is not what [`Self::generate`] makes.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let document = BASE64.decode(text.expose_secret().trim()).map_err(|_| KeyError::Malformed)?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| KeyError::Malformed)?;
        Ok(Self(Arc::new(Keys {
            signing: EncodingKey::from_ed_der(&document),
            verifying: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            issued: Mutex::default(),
            known: Mutex::default(),
        })))
    }

    /// The `authorization` value for a call from `caller` to `callee`.
    ///
    /// # Errors
    /// [`KeyError::Sign`] when signing fails.
    pub fn header(&self, caller: Role, callee: Role) -> Result<HeaderValue, KeyError> {
        let mut issued = self.0.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = issued.get(&(caller, callee))
            && at.elapsed() < RENEW_AFTER
        {
            return Ok(value.clone());
        }
        let iat = jsonwebtoken::get_current_timestamp();
        let claims = ServiceClaims { iss: caller, aud: callee, iat, exp: iat + LIFETIME };
        let token =
            encode(&Header::new(Algorithm::EdDSA), &claims, &self.0.signing).map_err(KeyError::Sign)?;
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| KeyError::Malformed)?;
        value.set_sensitive(true);
        issued.insert((caller, callee), (Instant::now(), value.clone()));
        Ok(value)
    }

    /// Checks that the bearer is a service of ours and speaks to `callee`.
    ///
    /// # Errors
    /// `Unauthenticated`, with no reason that would help a forger.
    pub fn verify(&self, callee: Role, value: Option<&HeaderValue>) -> Result<(), Status> {
        let refused = || Status::unauthenticated("a service token for this service is required");
        let value = value.ok_or_else(refused)?;
        let now = jsonwebtoken::get_current_timestamp();
        let entry = (callee, value.clone());
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&entry).is_some_and(|expires| *expires > now) {
            return Ok(());
        }
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(refused)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[callee.as_str()]);
        validation.leeway = 5;
        let claims =
            decode::<ServiceClaims>(token, &self.0.verifying, &validation).map_err(|_| refused())?.claims;
        if known.len() >= KNOWN_LIMIT {
            known.retain(|_, expires| *expires > now);
        }
        if known.len() < KNOWN_LIMIT {
            known.insert(entry, claims.exp);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_one_service_only_and_foreign_keys_none() {
        let keys = ServiceKeys::parse(&ServiceKeys::generate().unwrap()).unwrap();
        let other = ServiceKeys::parse(&ServiceKeys::generate().unwrap()).unwrap();
        let token = keys.header(Role::Edge, Role::Billing).unwrap();
        for _ in 0..2 {
            keys.verify(Role::Billing, Some(&token)).unwrap();
            keys.verify(Role::Router, Some(&token)).unwrap_err();
            other.verify(Role::Billing, Some(&token)).unwrap_err();
        }
        keys.verify(Role::Billing, None).unwrap_err();
        keys.verify(Role::Billing, Some(&HeaderValue::from_static("Bearer x"))).unwrap_err();
    }
}
