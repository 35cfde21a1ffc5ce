//! Who sent an event: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`, HMAC-SHA-256 over `<seconds>.<body>`.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// The event was not sent by who holds the secret, or not just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the signature header is missing or malformed")]
    Malformed,
    #[error("the signature does not fit the body")]
    Mismatch,
    #[error("the signature is too old or of the future")]
    Stale,
}

/// Checks `header` over `body` at `now`, in seconds since the Unix epoch.
///
/// # Errors
/// [`Forged`].
pub(crate) fn verify(
    secret: &SecretString,
    header: &str,
    body: &[u8],
    now: i64,
    tolerance: u64,
) -> Result<(), Forged> {
    let members = || header.split(',').filter_map(|member| member.trim().split_once('='));
    let (_, stamp) = members().find(|(name, _)| *name == "t").ok_or(Forged::Malformed)?;
    let sent: i64 = stamp.parse().map_err(|_| Forged::Malformed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let signed = [stamp.as_bytes(), b".", body].concat();
    let fits = members()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| hex::decode(value).ok())
        .any(|tag| hmac::verify(&key, &signed, &tag).is_ok());
    if !fits {
        return Err(Forged::Mismatch);
    }
    if now.abs_diff(sent) > tolerance {
        return Err(Forged::Stale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn signed(secret: &str, at: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.to_string().as_bytes(), b".", BODY].concat());
        format!("t={at},v1={}", hex::encode(tag.as_ref()))
    }

    fn check(header: &str, body: &[u8]) -> Result<(), Forged> {
        verify(&SecretString::from("whsec_1"), header, body, 1_000_000, 300)
    }

    #[test]
    fn only_the_secrets_holder_and_only_just_now() {
        assert_eq!(check(&signed("whsec_1", 1_000_000), BODY), Ok(()));
        assert_eq!(check(&signed("whsec_1", 999_700), BODY), Ok(()));
        assert_eq!(check(&signed("whsec_1", 999_699), BODY), Err(Forged::Stale));
        assert_eq!(check(&signed("whsec_1", 1_000_301), BODY), Err(Forged::Stale));
        assert_eq!(check(&signed("whsec_2", 1_000_000), BODY), Err(Forged::Mismatch));
        assert_eq!(check(&signed("whsec_1", 1_000_000), b"{}"), Err(Forged::Mismatch));
        let moved = signed("whsec_1", 999_000).replace("t=999000", "t=1000000");
        assert_eq!(check(&moved, BODY), Err(Forged::Mismatch));
        for malformed in ["", "t=,v1=00", "v1=00", "t=x,v1=00"] {
            assert_eq!(check(malformed, BODY), Err(Forged::Malformed), "{malformed}");
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let old = signed("whsec_0", 1_000_000);
        let new = signed("whsec_1", 1_000_000);
        let (_, new) = new.split_once(',').unwrap();
        assert_eq!(check(&format!("{old},{new},v0=00"), BODY), Ok(()));
    }

    /// Computed with OpenSSL.
    #[test]
    fn a_known_answer() {
        let header = "t=1492774577,v1=0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b";
        let secret = SecretString::from("whsec_test");
        assert_eq!(verify(&secret, header, b"{}", 1_492_774_577, 300), Ok(()));
    }
}
