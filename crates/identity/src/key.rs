//! API keys: 256 random bits in base62 with a checksum, known at rest by their SHA-256 alone.

use std::fmt;

use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const BODY: usize = 43;
const CHECK: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text is no key of ours: wrong prefix, length, alphabet or checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed API key")]
pub struct MalformedKey;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Calls models.
    Inference,
    /// Administers an organisation; refused for inference.
    Management,
}

impl KeyKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Inference => "sk-pb-v1-",
            Self::Management => "sk-pb-mgmt-v1-",
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::Management => "management",
        }
    }
}

/// SHA-256 of a whole key: what is stored, and the key's public `hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A whole key in the clear; shown once, never stored.
#[derive(Debug, Clone)]
pub struct ApiKey {
    kind: KeyKind,
    text: SecretString,
}

impl ApiKey {
    #[must_use]
    pub fn generate(kind: KeyKind) -> Self {
        let mut rng = rand::rng();
        let body: String = (0..BODY).map(|_| char::from(DIGITS[rng.random_range(0..DIGITS.len())])).collect();
        let start = format!("{}{body}", kind.prefix());
        let text = format!("{start}{}", checksum(&start));
        Self { kind, text: text.into() }
    }

    /// Refuses junk before any look-up.
    ///
    /// # Errors
    /// [`MalformedKey`] when prefix, length, alphabet or checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let kind = [KeyKind::Inference, KeyKind::Management]
            .into_iter()
            .find(|kind| text.len() == kind.prefix().len() + BODY + CHECK && text.starts_with(kind.prefix()))
            .ok_or(MalformedKey)?;
        if !text.is_ascii() {
            return Err(MalformedKey);
        }
        let (start, check) = text.split_at(text.len() - CHECK);
        let digits = &start[kind.prefix().len()..];
        if !digits.bytes().all(|digit| DIGITS.contains(&digit)) || check != checksum(start) {
            return Err(MalformedKey);
        }
        Ok(Self { kind, text: text.into() })
    }

    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.text.expose_secret())
    }

    /// The masked form that lists show: `sk-pb-v1-abc...xyz`.
    #[must_use]
    pub fn label(&self) -> String {
        let text = self.text.expose_secret();
        let head = self.kind.prefix().len() + 3;
        format!("{}...{}", &text[..head], &text[text.len() - 3..])
    }

    /// The key itself, for the one moment it is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

fn checksum(start: &str) -> String {
    let mut rest = crc32fast::hash(start.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_shows_only_its_ends() {
        for kind in [KeyKind::Inference, KeyKind::Management] {
            let key = ApiKey::generate(kind);
            let read = ApiKey::parse(key.expose()).unwrap();
            assert_eq!((read.kind(), read.hash()), (kind, key.hash()));
            assert!(key.label().len() < 24, "{}", key.label());
            assert!(!format!("{key:?}").contains(key.expose()));
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let key = ApiKey::generate(KeyKind::Inference);
        for at in 0..key.expose().len() {
            let mut text = key.expose().as_bytes().to_vec();
            text[at] = if text[at] == b'x' { b'y' } else { b'x' };
            let text = String::from_utf8(text).unwrap();
            assert!(ApiKey::parse(&text).is_err(), "accepted with character {at} changed");
        }
        for text in ["", "sk-or-v1-abc", "sk-pb-v1-", "sk-pb-v1-é"] {
            assert!(ApiKey::parse(text).is_err());
        }
    }
}
