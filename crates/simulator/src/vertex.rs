//! Google's cloud: the gate in front of its models, the tokens that open it, and predictions.

mod oauth;
mod predict;

pub(crate) use oauth::AccessTokens;
pub(crate) use predict::predict;

use http::HeaderMap;

use crate::failure::Failure;
use crate::wire::bearer;

/// Lets bearers of access tokens in: of tokens handed out here only those that still hold, of all others those
/// without `invalid`.
///
/// # Errors
/// 401 as Google's gate would answer.
pub(crate) fn admit(headers: &HeaderMap, tokens: &AccessTokens, now: u64) -> Result<(), Failure> {
    let Some(token) = bearer(headers) else {
        return Err(Failure::new(
            401,
            "API keys are not supported by this API. Expected OAuth2 access token or other authentication credentials that \
             assert a principal. See https://cloud.google.com/docs/authentication",
        )
        .code("CREDENTIALS_MISSING"));
    };
    if token.contains("invalid") || tokens.refuses(&token, now) {
        return Err(Failure::new(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        ));
    }
    Ok(())
}
