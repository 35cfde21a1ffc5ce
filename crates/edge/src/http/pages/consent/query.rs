//! What an app asks for, as it stands in the address of the page.

use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::http::reply::Refusal;
use crate::keys::{self, Reset};
use crate::oauth::{Callback, Challenge, Method, Wish};

/// As it was sent. Other members are not looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Query {
    callback_url: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    key_label: Option<String>,
    pub(super) limit: Option<String>,
    usage_limit_type: Option<String>,
    expires_at: Option<String>,
    workspace_id: Option<String>,
    /// The app's own, which it gets back.
    pub(super) state: Option<String>,
}

fn bad(message: &str) -> Refusal {
    Refusal::with_status(StatusCode::BAD_REQUEST, message)
}

/// What was sent and is not empty.
fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl Query {
    /// # Errors
    /// A 400 for what cannot be as it is.
    pub(super) fn wish(&self) -> Result<Wish, Refusal> {
        let method = filled(self.code_challenge_method.as_ref())
            .map(|text| Method::named(text).ok_or_else(|| bad("code_challenge_method: use S256 or plain")))
            .transpose()?;
        let limit_reset = filled(self.usage_limit_type.as_ref())
            .map(|text| {
                Reset::named(text).ok_or_else(|| bad("usage_limit_type: use daily, weekly or monthly"))
            })
            .transpose()?;
        let challenge = filled(self.code_challenge.as_ref()).map(str::to_owned);
        let wish = Wish {
            callback: filled(self.callback_url.as_ref()).map(Callback::parse).transpose()?,
            challenge: Challenge::read(challenge, method)?,
            label: filled(self.key_label.as_ref()).map(str::to_owned),
            limit: filled(self.limit.as_ref()).map(keys::limit).transpose()?,
            limit_reset,
            expires_at: filled(self.expires_at.as_ref()).map(keys::expiry).transpose()?,
        };
        wish.check()?;
        Ok(wish)
    }

    /// The workspace that the app would like.
    ///
    /// # Errors
    /// A 400 for what is no id.
    pub(super) fn workspace(&self) -> Result<Option<Uuid>, Refusal> {
        let id = filled(self.workspace_id.as_ref()).map(str::parse).transpose();
        id.map_err(|_| bad("workspace_id: use the UUID of a workspace"))
    }

    /// The same as it was sent, for the address of the next page.
    pub(super) fn encoded(&self) -> String {
        let fields = [
            ("callback_url", &self.callback_url),
            ("code_challenge", &self.code_challenge),
            ("code_challenge_method", &self.code_challenge_method),
            ("key_label", &self.key_label),
            ("limit", &self.limit),
            ("usage_limit_type", &self.usage_limit_type),
            ("expires_at", &self.expires_at),
            ("workspace_id", &self.workspace_id),
            ("state", &self.state),
        ];
        let sent = fields.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        Serializer::new(String::new()).extend_pairs(sent).finish()
    }
}
