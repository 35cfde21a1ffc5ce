//! What a request's headers ask for.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::http::reply::Refusal;
use dialect::error::ErrorType;

const CACHE: &str = "x-openrouter-cache";
const TTL: &str = "x-openrouter-cache-ttl";
const CLEAR: &str = "x-openrouter-cache-clear";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Seconds that a cached answer is good for, unless the request says otherwise, and what it may say.
const DEFAULT_TTL: u32 = 300;
const TTLS: std::ops::RangeInclusive<u32> = 1..=86_400;
/// Characters of an `Idempotency-Key`.
const MAX_NAME: usize = 255;

/// The headers of one request, read before its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    caching: Option<bool>,
    ttl: Option<u32>,
    clears: bool,
    /// SHA-256 of the client's name for the request.
    name: Option<[u8; 32]>,
}

/// What a preset says of caching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Preset {
    pub(crate) caching: Option<bool>,
    pub(crate) ttl: Option<u32>,
}

/// How an answer is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caching {
    /// Seconds.
    pub(super) ttl: u32,
    /// What is cached is forgotten first.
    pub(super) clears: bool,
}

impl Wish {
    /// # Errors
    /// A [`Refusal`] with 400 for an `Idempotency-Key` that is none.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let is = |name, word: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
        let caching = match text(CACHE) {
            Some(value) if value.eq_ignore_ascii_case("true") => Some(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Some(false),
            Some(_) | None => None,
        };
        Ok(Self {
            caching,
            ttl: text(TTL).and_then(seconds),
            clears: is(CLEAR, "true"),
            name: name(headers)?,
        })
    }

    /// Whether and how the answer is cached. A preset that turns caching off is the last word; else a header goes
    /// before the preset.
    pub(super) fn caching(&self, preset: Preset) -> Option<Caching> {
        let is_on = preset.caching != Some(false) && self.caching.or(preset.caching) == Some(true);
        let ttl = self.ttl.or(preset.ttl).unwrap_or(DEFAULT_TTL).clamp(*TTLS.start(), *TTLS.end());
        is_on.then_some(Caching { ttl, clears: self.clears })
    }

    pub(super) const fn name(&self) -> Option<[u8; 32]> {
        self.name
    }
}

/// The number that a text begins with, like `60` in `60s`; as large as can be where it is larger.
fn seconds(text: &str) -> Option<u32> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let digits = &text[..digits];
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
}

fn name(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let name = value.as_bytes();
    if name.is_empty() || name.len() > MAX_NAME || !name.iter().all(u8::is_ascii_graphic) {
        let message = format!("`Idempotency-Key` must be 1 to {MAX_NAME} visible ASCII characters.");
        return Err(Refusal::new(ErrorType::InvalidRequest, message));
    }
    Ok(Some(Sha256::digest(name).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(headers: &[(&'static str, &str)]) -> Wish {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Wish::of(&headers.collect()).unwrap()
    }

    fn ttl(text: &str) -> u32 {
        wish(&[(CACHE, "true"), (TTL, text)]).caching(Preset::default()).unwrap().ttl
    }

    #[test]
    fn a_ttl_is_read_like_a_leading_integer_and_clamped() {
        let read = ["60", "60s", " 7 ", "0", "86401", "99999999999999", "x5", "-5", ""].map(ttl);
        assert_eq!(read, [60, 60, 7, 1, 86_400, 86_400, 300, 300, 300]);
    }

    #[test]
    fn a_preset_may_turn_caching_off_for_good_and_on_by_default() {
        let caches = |header: &[(&'static str, &str)], preset| {
            let preset = Preset { caching: preset, ttl: Some(9) };
            wish(header).caching(preset).map(|caching| caching.ttl)
        };
        let (on, off, none) = ([(CACHE, "TRUE")], [(CACHE, "false")], []);
        assert_eq!(
            [Some(false), None, Some(true)].map(|preset| caches(&on, preset)),
            [None, Some(9), Some(9)]
        );
        assert_eq!([Some(false), None, Some(true)].map(|preset| caches(&off, preset)), [None, None, None]);
        assert_eq!(
            [Some(false), None, Some(true)].map(|preset| caches(&none, preset)),
            [None, None, Some(9)]
        );
        assert_eq!(caches(&[(CACHE, "true"), (TTL, "5")], None), Some(5));
        assert_eq!(caches(&[(CACHE, "yes")], None), None);
    }

    #[test]
    fn a_name_is_visible_ascii() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(IDEMPOTENCY_KEY, http::HeaderValue::from_bytes(value).unwrap());
            Wish::of(&headers).map(|wish| wish.name.is_some())
        };
        assert!(read(b"a-1").unwrap() && read(&[b'x'; 255]).unwrap());
        for bad in [&b""[..], b"a b", "ž".as_bytes(), &[b'x'; 256]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
