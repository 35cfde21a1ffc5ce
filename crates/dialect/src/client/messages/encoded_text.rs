//! Documents of text that come as base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Digits that are looked at before the whole is: a multiple of four. Images and PDFs are no text from their
/// first bytes on.
const HEAD: usize = 4_096;

/// The UTF-8 text that base64 stands for; nothing when it is no base64 or no text.
pub(super) fn of(data: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(data).ok()?).ok()
}

/// Whether [`of`] has one, without decoding what is no text from its beginning.
pub(super) fn is_in(data: &str) -> bool {
    data.get(..HEAD).is_none_or(begins_as_text) && of(data).is_some()
}

/// Text that breaks off inside a character begins as text.
fn begins_as_text(data: &str) -> bool {
    let Ok(bytes) = BASE64_STANDARD.decode(data) else { return false };
    str::from_utf8(&bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_wherever_its_head_ends() {
        for shift in 0..4 {
            let data = BASE64_STANDARD.encode("x".repeat(shift) + &"ž🙂".repeat(2_000));
            assert!(is_in(&data), "shifted by {shift}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_at_its_head_and_behind_it() {
        let long = "a".repeat(HEAD);
        let damaged = BASE64_STANDARD.encode([long.as_bytes(), &[0xff]].concat());
        let image = BASE64_STANDARD.encode(b"\x89PNG\r\n\x1a\n".repeat(1_000));
        for data in [damaged.as_str(), &image, "QQ=", "QQ==QQ==", "JVBERi-=", &(long + "=")] {
            assert!(!is_in(data) && of(data).is_none(), "{data:.20}");
        }
    }
}
