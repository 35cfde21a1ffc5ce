//! Proof key for code exchange, RFC 7636: the app keeps a verifier and shows a challenge made of it; only who has the
//! verifier can use the code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{Error, invalid};

/// How a challenge is made of a verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = CodeChallengeMethod)]
pub(crate) enum Method {
    S256,
    #[serde(rename = "plain")]
    Plain,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::S256 => "S256",
            Self::Plain => "plain",
        }
    }

    pub(crate) fn named(text: &str) -> Option<Self> {
        match text {
            "S256" => Some(Self::S256),
            "plain" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// What a verifier is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    text: String,
    method: Method,
}

impl Challenge {
    /// A challenge as it is sent; without a method it is `plain`, as the RFC has it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no challenge, and for a method without one.
    pub(crate) fn read(text: Option<String>, method: Option<Method>) -> Result<Option<Self>, Error> {
        let Some(text) = text else {
            return match method {
                None => Ok(None),
                Some(_) => Err(invalid("code_challenge: it is missing beside code_challenge_method")),
            };
        };
        let method = method.unwrap_or(Method::Plain);
        let is_right = match method {
            Method::S256 => URL_SAFE_NO_PAD.decode(&text).is_ok_and(|digest| digest.len() == 32),
            Method::Plain => (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved),
        };
        if !is_right {
            return Err(invalid(match method {
                Method::S256 => {
                    "code_challenge: use the SHA-256 of the verifier in base64url without padding"
                }
                Method::Plain => "code_challenge: use 43 to 128 letters, digits, `-`, `.`, `_` or `~`",
            }));
        }
        Ok(Some(Self { text, method }))
    }

    pub(super) fn of_parts((text, method): (String, String)) -> Option<Self> {
        Some(Self { text, method: Method::named(&method)? })
    }

    pub(super) fn into_parts(self) -> (String, String) {
        (self.text, self.method.as_str().to_owned())
    }

    fn is_met_by(&self, verifier: &str) -> bool {
        let shown = match self.method {
            Method::S256 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
            Method::Plain => verifier.to_owned(),
        };
        // Digests are compared, so that the time it takes tells nothing.
        Sha256::digest(shown) == Sha256::digest(&self.text)
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Holds what an app shows against the challenge of its code.
///
/// # Errors
/// [`Error::Invalid`] when method and verifier are not those of the code's kind, [`Error::Code`] for a wrong verifier.
pub(super) fn check(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
    method: Option<Method>,
) -> Result<(), Error> {
    let Some(challenge) = challenge else {
        return match (verifier, method) {
            (None, None) => Ok(()),
            // An app that has a verifier made a challenge: this code is another one's.
            _ => Err(invalid("code_challenge_method: this code was made without a challenge")),
        };
    };
    if method.is_some_and(|method| method != challenge.method) {
        return Err(invalid("code_challenge_method: it is not the method that the code was made with"));
    }
    if challenge.is_met_by(verifier.unwrap_or_default()) { Ok(()) } else { Err(Error::Code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the RFC's appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(text: &str, method: Option<Method>) -> Result<Option<Challenge>, Error> {
        Challenge::read(Some(text.to_owned()), method)
    }

    #[test]
    fn a_challenge_is_met_by_its_verifier_alone() {
        let made = read(CHALLENGE, Some(Method::S256)).unwrap();
        assert!(check(made.as_ref(), Some(VERIFIER), Some(Method::S256)).is_ok());
        assert!(check(made.as_ref(), Some(VERIFIER), None).is_ok());
        for verifier in [None, Some(""), Some(CHALLENGE), Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl")]
        {
            assert!(matches!(check(made.as_ref(), verifier, None), Err(Error::Code)), "{verifier:?}");
        }
        assert!(matches!(check(made.as_ref(), Some(VERIFIER), Some(Method::Plain)), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_plain_challenge_is_the_verifier() {
        let made = read(VERIFIER, None).unwrap();
        assert!(check(made.as_ref(), Some(VERIFIER), Some(Method::Plain)).is_ok());
        assert!(matches!(check(made.as_ref(), Some(CHALLENGE), None), Err(Error::Code)));
        assert!(matches!(check(made.as_ref(), Some(VERIFIER), Some(Method::S256)), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_code_without_a_challenge_takes_no_verifier() {
        assert!(check(None, None, None).is_ok());
        assert!(matches!(check(None, Some(VERIFIER), None), Err(Error::Invalid(_))));
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        assert!(Challenge::read(None, Some(Method::S256)).is_err());
        for wrong in ["", "short", &"a".repeat(129), &format!("{VERIFIER}\"<"), "a b"] {
            assert!(read(wrong, None).is_err(), "{wrong}");
            assert!(read(wrong, Some(Method::S256)).is_err(), "{wrong}");
        }
    }
}
