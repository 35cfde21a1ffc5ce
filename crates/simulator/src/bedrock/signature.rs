//! Who is let in: bearers of an API key, and requests that are signed as Amazon wants it.

use http::HeaderMap;

use super::canonical;
use crate::failure::Failure;
use crate::prepare::Arrived;
use crate::wire::{bearer, header};

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";
const SERVICE: &str = "bedrock";
/// Characters of a signature, a day, and a time.
const SIGNATURE: usize = 64;
const DAY: usize = 8;
const TIME: usize = 16;

/// The parts of a signed request's `Authorization`.
struct Signed<'a> {
    access_key: &'a str,
    /// Day, region, service and `aws4_request`.
    scope: Vec<&'a str>,
    headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn read(headers: &'a HeaderMap) -> Option<Self> {
        let rest = header(headers, "authorization")?.strip_prefix(ALGORITHM)?;
        let part = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key, scope) = part("Credential")?.split_once('/')?;
        Some(Self {
            access_key,
            scope: scope.split('/').collect(),
            headers: part("SignedHeaders")?.split(';').collect(),
            signature: part("Signature")?,
        })
    }
}

/// The access key of a signed request.
pub(super) fn access_key(headers: &HeaderMap) -> Option<String> {
    Signed::read(headers).map(|signed| signed.access_key.to_owned())
}

/// Lets a request in whose signature has everything that one has. Its value is checked where the secret is known:
/// that of every access key that begins with [`canonical::KNOWN`].
///
/// # Errors
/// 403 as Amazon would answer.
pub(super) fn admit(arrived: &Arrived) -> Result<(), Failure> {
    let headers = &arrived.call.headers;
    if bearer(headers).is_some() {
        return Ok(());
    }
    let Some(signed) = Signed::read(headers) else {
        return Err(refused("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    let time = header(headers, "x-amz-date").unwrap_or_default();
    let [day, region, service, end] = signed.scope[..] else {
        return Err(incomplete("Credential must have exactly 5 slash-delimited elements."));
    };
    if end != "aws4_request" || region.is_empty() {
        return Err(incomplete("Credential must be scoped with a valid terminator: 'aws4_request'."));
    }
    if service != SERVICE {
        return Err(refused(
            "InvalidSignatureException",
            &format!("Credential should be scoped to correct service: '{SERVICE}'."),
        ));
    }
    if time.len() != TIME || day.len() != DAY || !time.starts_with(day) {
        return Err(incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ));
    }
    if let Some(name) = unsigned(headers, &signed.headers) {
        return Err(refused(
            "InvalidSignatureException",
            &format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."),
        ));
    }
    let hex =
        signed.signature.len() == SIGNATURE && signed.signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = canonical::secret(signed.access_key).is_none_or(|secret| {
        canonical::sign(arrived, &secret, &signed.scope, time, &signed.headers) == signed.signature
    });
    if hex && fits { Ok(()) } else { Err(refused("InvalidSignatureException", MISMATCH)) }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

/// The first header that has to be signed and is not: the host and everything of Amazon's own.
fn unsigned(headers: &HeaderMap, signed: &[&str]) -> Option<String> {
    let own = headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    std::iter::once("host").chain(own).find(|name| !signed.contains(name)).map(str::to_owned)
}

fn refused(kind: &str, message: &str) -> Failure {
    Failure::new(403, message).code(kind)
}

fn incomplete(message: &str) -> Failure {
    refused("IncompleteSignatureException", message)
}
