//! Credentials of providers: what is in them, and how a request shows them.
//!
//! - [`place`]: the names in braces of an endpoint's address.
//! - [`aws`]: signatures of Amazon's services.
//! - [`google`]: access tokens of Google's service accounts.

pub(crate) mod aws;
pub(crate) mod google;
pub(crate) mod place;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use bytes::Bytes;
use dialect::codec::AuthStyle;
use http::Request;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::upstream::Upstream;

/// Shorter texts are no secrets; taking them out of a message would only garble it.
const SHORTEST_SECRET: usize = 4;

/// An endpoint cannot be called with its credential.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error("the credential begins like a JSON object but is none at column {column} of line {line}")]
    Malformed { line: usize, column: usize },
    #[error("the credential lacks {0}")]
    Lacks(&'static str),
    #[error(
        "nothing fills in `{{{0}}}`: give the endpoint the quirk `{0}`, or make the credential a JSON object that has it"
    )]
    Unfilled(&'static str),
    #[error("`{0}` must be 1 to 64 of a-z, 0-9 and `-`")]
    Place(&'static str),
    #[error("the credential cannot go into a header")]
    Header,
    #[error("the request cannot be signed: {0}")]
    Signature(&'static str),
    #[error("`token_uri` is neither below https://*.googleapis.com nor on this machine")]
    TokenUri,
    #[error("`private_key` is no RSA key in PEM")]
    PrivateKey,
    #[error("the token endpoint refuses the service account with status {status}: {code}")]
    Refused { status: u16, code: String },
    #[error("the token endpoint fails with status {0}")]
    Failing(u16),
    #[error("the token endpoint's answer holds no token")]
    NoToken,
    #[error("the token endpoint cannot be called: {0}")]
    Unreachable(String),
    #[error("the token endpoint does not answer in time")]
    Late,
}

impl Error {
    /// Whether it may pass without anybody's doing.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(self, Self::Failing(_) | Self::NoToken | Self::Unreachable(_) | Self::Late)
    }
}

/// A credential, opened and read. All of it that is not a name of a place is secret.
pub(crate) struct Credential {
    whole: SecretString,
    members: Members,
}

/// What a JSON credential may hold. A plain one is its own `api_key`.
#[derive(Default, Deserialize)]
struct Members {
    api_key: Option<SecretString>,
    token: Option<SecretString>,
    access_key_id: Option<SecretString>,
    secret_access_key: Option<SecretString>,
    session_token: Option<SecretString>,
    client_email: Option<SecretString>,
    private_key: Option<SecretString>,
    private_key_id: Option<SecretString>,
    token_uri: Option<String>,
    project_id: Option<String>,
    project: Option<String>,
    location: Option<String>,
    region: Option<String>,
    resource: Option<String>,
}

impl Credential {
    /// Reads a secret text: a JSON object, or else a key or token as it is.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it begins like an object but is none, or a member is not a text.
    pub(crate) fn read(whole: SecretString) -> Result<Self, Error> {
        let text = whole.expose_secret().trim();
        let members = if text.starts_with('{') {
            // The parser's own words may quote what it read.
            serde_json::from_str(text)
                .map_err(|error| Error::Malformed { line: error.line(), column: error.column() })?
        } else {
            Members { api_key: Some(SecretString::from(text)), ..Members::default() }
        };
        Ok(Self { whole, members })
    }

    fn plain(&self) -> Option<&SecretString> {
        self.members.api_key.as_ref().or(self.members.token.as_ref())
    }

    fn need_plain(&self) -> Result<&SecretString, Error> {
        self.plain().ok_or(Error::Lacks("`api_key` or `token`"))
    }

    fn aws_keys(&self) -> Option<aws::Keys<'_>> {
        Some(aws::Keys {
            access_key_id: self.members.access_key_id.as_ref()?,
            secret_access_key: self.members.secret_access_key.as_ref()?,
            session_token: self.members.session_token.as_ref(),
        })
    }

    fn google_account(&self) -> Option<google::Account<'_>> {
        Some(google::Account {
            email: self.members.client_email.as_ref()?,
            private_key: self.members.private_key.as_ref()?,
            key_id: self.members.private_key_id.as_ref(),
            token_uri: self.members.token_uri.as_deref().unwrap_or(google::TOKEN_URI),
            whole: &self.whole,
        })
    }

    /// Takes everything secret of this credential out of a message.
    pub(crate) fn redact(&self, message: String) -> String {
        let members = &self.members;
        let secrets = [
            Some(&self.whole),
            members.api_key.as_ref(),
            members.token.as_ref(),
            members.access_key_id.as_ref(),
            members.secret_access_key.as_ref(),
            members.session_token.as_ref(),
            members.client_email.as_ref(),
            members.private_key.as_ref(),
            members.private_key_id.as_ref(),
        ];
        // Our project with a provider names our account.
        let projects = [members.project.as_deref(), members.project_id.as_deref()];
        let secrets = secrets.into_iter().flatten().map(|secret| secret.expose_secret());
        secrets.chain(projects.into_iter().flatten()).fold(message, without)
    }
}

/// A message without a secret.
pub(crate) fn without(message: String, secret: &str) -> String {
    let secret = secret.trim();
    if secret.len() < SHORTEST_SECRET || !message.contains(secret) {
        return message;
    }
    message.replace(secret, "[redacted]")
}

/// Shows `credential` in a request, as the dialect wants it shown.
///
/// # Errors
/// [`Error`] when the credential is of another kind, or cannot be exchanged for a token.
pub(crate) async fn show(
    request: &mut Request<Bytes>,
    style: AuthStyle,
    credential: &Credential,
    region: Option<&str>,
    tokens: &google::Tokens,
    upstream: &Upstream,
) -> Result<(), Error> {
    match style {
        AuthStyle::None => Ok(()),
        AuthStyle::Bearer => bearer(request, credential.need_plain()?),
        AuthStyle::XApiKey => set(request, HeaderName::from_static("x-api-key"), credential),
        AuthStyle::XGoogApiKey => set(request, HeaderName::from_static("x-goog-api-key"), credential),
        AuthStyle::ApiKey => set(request, HeaderName::from_static("api-key"), credential),
        AuthStyle::SigV4 { service } => match (credential.aws_keys(), credential.plain()) {
            (Some(keys), _) => {
                let region = region.ok_or(Error::Unfilled("region"))?;
                let scope = aws::Scope { service, region, time: SystemTime::now() };
                aws::sign(request, &keys, scope).await
            }
            (None, Some(key)) => bearer(request, key),
            (None, None) => Err(Error::Lacks("`access_key_id` with `secret_access_key`, or `api_key`")),
        },
        AuthStyle::GoogleOAuth => match (credential.google_account(), credential.plain()) {
            (Some(account), _) => {
                let token = tokens.of(&account, upstream).await?;
                bearer(request, &token)
            }
            (None, Some(token)) => bearer(request, token),
            (None, None) => Err(Error::Lacks("`client_email` with `private_key`, or `token`")),
        },
    }
}

/// Shows a simulated cloud, which turns away whoever shows nothing, a token that opens nothing.
pub(crate) fn pretend(request: &mut Request<Bytes>, style: AuthStyle) {
    if matches!(style, AuthStyle::SigV4 { .. } | AuthStyle::GoogleOAuth) {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer simulated"));
    }
}

fn bearer(request: &mut Request<Bytes>, token: &SecretString) -> Result<(), Error> {
    insert(request, AUTHORIZATION, &format!("Bearer {}", token.expose_secret()))
}

fn set(request: &mut Request<Bytes>, name: HeaderName, credential: &Credential) -> Result<(), Error> {
    insert(request, name, credential.need_plain()?.expose_secret())
}

fn insert(request: &mut Request<Bytes>, name: HeaderName, text: &str) -> Result<(), Error> {
    let mut value = HeaderValue::try_from(text).map_err(|_| Error::Header)?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}
