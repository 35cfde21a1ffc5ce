//! Reasoning that must come back unchanged, for clients that keep nothing of it but its encrypted content.
//!
//! Many clients return that member alone and forget whose it is, or a signature beside it. What they would lose
//! is put into it, where the answer was asked for it. It is no secret: it was all shown to the client.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What a sealed text begins with; no provider's does.
const SEAL: &str = "kept-v1.";

/// What was put into an encrypted content.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    /// Text that was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    /// The provider's own encrypted content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
}

impl Kept {
    pub(super) fn seal(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{SEAL}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// `None` for a content that was not sealed here.
    pub(crate) fn open(content: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(content.strip_prefix(SEAL)?).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}
