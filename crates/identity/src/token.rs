//! Opaque bearer tokens of operators and sessions: 256 random bits, SHA-256 at rest.

use rand::Rng as _;

use crate::KeyHash;

/// A revocable bearer token.
#[derive(Clone)]
pub struct OpaqueToken(String);

impl OpaqueToken {
    /// A new token that starts with `prefix`.
    #[must_use]
    pub fn generate(prefix: &str) -> Self {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(format!("{prefix}{}", hex::encode(bytes)))
    }

    /// A token that was made before and kept by its holder.
    #[must_use]
    pub const fn kept(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}
