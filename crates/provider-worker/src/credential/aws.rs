//! Signatures of Amazon's services, version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Request};
use secrecy::{ExposeSecret as _, SecretString};

use super::Error;

/// Bodies longer than this are hashed where that holds up nobody else.
const LARGE: usize = 256 * 1024;

/// An access key.
pub(crate) struct Keys<'a> {
    pub(crate) access_key_id: &'a SecretString,
    pub(crate) secret_access_key: &'a SecretString,
    /// Of keys that were lent for a time.
    pub(crate) session_token: Option<&'a SecretString>,
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) time: SystemTime,
}

/// Signs a request with all its headers; none may be added afterwards that the service reads.
///
/// # Errors
/// [`Error::Signature`] when the request or the keys cannot be signed with.
pub(crate) async fn sign(
    request: &mut Request<Bytes>,
    keys: &Keys<'_>,
    scope: Scope<'_>,
) -> Result<(), Error> {
    let hash = hash(request.body().clone()).await?;
    // The signer panics where a key does not go into a header.
    let all = [Some(keys.access_key_id), Some(keys.secret_access_key), keys.session_token];
    if !all.into_iter().flatten().all(|key| key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Error::Header);
    }
    let session_token = keys.session_token.map(|token| token.expose_secret().to_owned());
    let (id, secret) = (keys.access_key_id.expose_secret(), keys.secret_access_key.expose_secret());
    let identity = Credentials::new(id, secret, session_token, None, "patchbay").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(scope.time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| Error::Signature("a parameter is missing"))?
        .into();
    // The signer takes a request without a host for a mistake in the program.
    if request.uri().host().is_none() {
        return Err(Error::Signature("the endpoint's address has no host"));
    }
    let uri = request.uri().to_string();
    let headers = readable(request.headers())?;
    let signable = SignableRequest::new(
        request.method().as_str(),
        &uri,
        headers.into_iter(),
        SignableBody::Precomputed(hash),
    )
    .map_err(|_| Error::Signature("its address or headers are malformed"))?;
    let output =
        sign_request(signable, &parameters).map_err(|_| Error::Signature("the signer refuses it"))?;
    let (instructions, _) = output.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

fn readable(headers: &HeaderMap) -> Result<Vec<(&str, &str)>, Error> {
    let readable = headers.iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    readable.collect::<Option<_>>().ok_or(Error::Signature("a header is not text"))
}

/// SHA-256 in hexadecimal.
async fn hash(body: Bytes) -> Result<String, Error> {
    let digest = if body.len() > LARGE {
        let hashing = tokio::task::spawn_blocking(move || digest::digest(&digest::SHA256, &body));
        hashing.await.map_err(|_| Error::Signature("hashing was interrupted"))?
    } else {
        digest::digest(&digest::SHA256, &body)
    };
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
