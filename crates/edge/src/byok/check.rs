//! What a credential must hold before it is kept, and what of it is shown afterwards. What workers take is described
//! where they open it; here a credential that none could use is refused while somebody is there to be told.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::Provider;

/// Bytes.
const LONGEST: usize = 16 * 1024;
const LONGEST_PLACE: usize = 64;

/// What a JSON credential may hold. A plain one is its own `api_key`.
#[derive(Default, Deserialize)]
struct Members {
    api_key: Option<SecretString>,
    token: Option<SecretString>,
    access_key_id: Option<SecretString>,
    secret_access_key: Option<SecretString>,
    client_email: Option<SecretString>,
    private_key: Option<SecretString>,
    private_key_id: Option<SecretString>,
    token_uri: Option<String>,
    project_id: Option<String>,
    project: Option<String>,
    location: Option<String>,
    region: Option<String>,
    resource: Option<String>,
    // Addresses are the platform's.
    endpoint_url: Option<IgnoredAny>,
    base_url: Option<IgnoredAny>,
    api_base: Option<IgnoredAny>,
}

impl Members {
    fn read(key: &SecretString) -> Result<Self, String> {
        let text = key.expose_secret().trim();
        if !text.starts_with('{') {
            return Ok(Self { api_key: Some(SecretString::from(text)), ..Self::default() });
        }
        // The parser's own words may quote what it read.
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!(
                "key: a JSON credential must be one object of texts; this is none at column {column} of line {line}"
            )
        })
    }

    fn plain(&self) -> Option<&SecretString> {
        held(self.api_key.as_ref()).or(held(self.token.as_ref()))
    }

    fn place(&self, name: &str) -> Option<&str> {
        let value = match name {
            "resource" => self.resource.as_ref(),
            "region" => self.region.as_ref(),
            "location" => self.location.as_ref().or(self.region.as_ref()),
            _ => self.project.as_ref().or(self.project_id.as_ref()),
        };
        value.map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn held(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().trim().is_empty())
}

/// Whether a credential is of a kind that the provider's dialect can show.
///
/// # Errors
/// What is wrong with it, without a part of it.
pub(crate) fn check(provider: &Provider, key: &SecretString) -> Result<(), String> {
    let length = key.expose_secret().trim().len();
    if length == 0 || length > LONGEST {
        return Err(format!("key: use 1 to {LONGEST} bytes"));
    }
    let members = Members::read(key)?;
    if members.endpoint_url.is_some() || members.base_url.is_some() || members.api_base.is_some() {
        return Err(format!("key: leave addresses out, {} is called at its own", provider.slug));
    }
    for name in ["resource", "region", "location", "project"] {
        if members.place(name).is_some_and(|value| !is_place(value)) {
            return Err(format!("key: `{name}` must be 1 to {LONGEST_PLACE} of a-z, 0-9 and `-`"));
        }
    }
    if members.token_uri.as_deref().is_some_and(|uri| !is_of_google(uri)) {
        return Err("key: `token_uri` must be below https://*.googleapis.com".to_owned());
    }
    if members.plain().is_some_and(|key| !is_header(key.expose_secret().trim())) {
        return Err("key: use visible ASCII characters".to_owned());
    }
    kind(provider, &members)?;
    let open: Vec<&str> =
        provider.places().into_iter().filter(|name| members.place(name).is_none()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let (slug, lacks) = (&provider.slug, open.join("`, `"));
    Err(format!("key: {slug} takes a JSON object; this lacks `{lacks}`"))
}

fn kind(provider: &Provider, members: &Members) -> Result<(), String> {
    let slug = &provider.slug;
    let pair = |one: &Option<SecretString>, two: &Option<SecretString>| {
        held(one.as_ref()).is_some() && held(two.as_ref()).is_some()
    };
    let (is_shown, wanted) = match provider.dialect.as_str() {
        "bedrock" => (
            pair(&members.access_key_id, &members.secret_access_key),
            "`access_key_id` with `secret_access_key`, or `api_key`",
        ),
        "vertex" => (
            pair(&members.client_email, &members.private_key),
            "`client_email` with `private_key`, or `token`",
        ),
        _ => (false, "`api_key`"),
    };
    if is_shown || members.plain().is_some() { Ok(()) } else { Err(format!("key: {slug} needs {wanted}")) }
}

fn is_place(value: &str) -> bool {
    value.len() <= LONGEST_PLACE && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_header(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_of_google(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| {
        uri.scheme() == "https"
            && uri.port().is_none()
            && uri.username().is_empty()
            && uri.password().is_none()
            && uri.domain().is_some_and(|name| name.ends_with(".googleapis.com"))
    })
}

/// What of a credential is shown: its last four characters and, where it is long, its first three. Of a JSON
/// credential, those of what names it.
pub(crate) fn label(key: &SecretString) -> String {
    let Ok(members) = Members::read(key) else { return "...".to_owned() };
    let names = [&members.access_key_id, &members.private_key_id, &members.api_key, &members.token];
    let Some(named) = names.into_iter().find_map(|name| held(name.as_ref())) else { return "...".to_owned() };
    let text: Vec<char> = named.expose_secret().trim().chars().collect();
    let (first, last) = match text.len() {
        0..12 => (0, 0),
        12..24 => (0, 4),
        _ => (3, 4),
    };
    let part = |characters: &[char]| characters.iter().collect::<String>();
    let (start, end) = (text.get(..first).unwrap_or_default(), text.len() - last);
    format!("{}...{}", part(start), part(text.get(end..).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
