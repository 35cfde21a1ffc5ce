//! Reasoning in the form of `thinking` and `redacted_thinking` blocks.
//!
//! Clients send those blocks back unchanged, and know of each only its text and an opaque string: the
//! `signature` of thinking, the `data` of redacted thinking. Anthropic's own stay as they are. Of another
//! provider's reasoning that string is [`PREFIX`] followed by base64 of its `reasoning_details` entry as chat
//! carries it, without the text that the block shows:
//!
//! ```json
//! {"type": "reasoning.encrypted", "data": "gAAAA...", "id": "rs_1", "format": "openai-responses-v1", "index": 0}
//! ```
//!
//! So signatures of Gemini's thoughts and encrypted reasoning of OpenAI's models survive; reasoning that has
//! no text is redacted thinking. A string that was tampered with is not an error: what can be read of it is
//! used, and the provider whose it is checks its own part.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::canonical::{ReasoningDetail, ReasoningKind};
use crate::reasoning_details::{DetailBody, detail};

/// Whose form reasoning has that Anthropic signed.
pub(super) const ANTHROPIC: &str = "anthropic-claude-v1";

const PREFIX: &str = "patchbay.reasoning.v1.";

/// Whether a signature, or the data of redacted thinking, was made here and means nothing to Anthropic.
pub(crate) fn is_ours(opaque: &str) -> bool {
    opaque.starts_with(PREFIX)
}

/// The opaque string of a block. `detail` has the content that the block does not show.
pub(super) fn seal(detail: &ReasoningDetail) -> String {
    if detail.format.as_deref() == Some(ANTHROPIC) {
        let own = if detail.kind == ReasoningKind::Encrypted { &detail.content } else { &detail.signature };
        return own.clone().unwrap_or_default();
    }
    let json = serde_json::to_vec(&DetailBody::of(detail)).unwrap_or_default();
    format!("{PREFIX}{}", BASE64_STANDARD.encode(json))
}

/// The reasoning of a thinking block at a place among the reasoning of its turn; `None` when there is none.
pub(super) fn of_thinking(text: String, signature: &str, place: usize) -> Option<ReasoningDetail> {
    let index = u32::try_from(place).unwrap_or(u32::MAX);
    let mut known = match opened(signature, place) {
        Some(known) => known,
        None if is_ours(signature) || signature.is_empty() => {
            ReasoningDetail { index, ..ReasoningDetail::default() }
        }
        None => ReasoningDetail {
            index,
            format: Some(ANTHROPIC.to_owned()),
            signature: Some(signature.to_owned()),
            ..ReasoningDetail::default()
        },
    };
    if known.kind != ReasoningKind::Encrypted && !text.is_empty() {
        known.content = Some(text);
    }
    (known.content.is_some() || known.signature.is_some() || known.id.is_some()).then_some(known)
}

/// The reasoning of a redacted block.
pub(super) fn of_redacted(data: &str, place: usize) -> Option<ReasoningDetail> {
    if is_ours(data) {
        return opened(data, place);
    }
    Some(ReasoningDetail {
        kind: ReasoningKind::Encrypted,
        index: u32::try_from(place).unwrap_or(u32::MAX),
        format: Some(ANTHROPIC.to_owned()),
        content: Some(data.to_owned()),
        ..ReasoningDetail::default()
    })
}

fn opened(opaque: &str, place: usize) -> Option<ReasoningDetail> {
    let json = BASE64_STANDARD.decode(opaque.strip_prefix(PREFIX)?).ok()?;
    let value: Value = serde_json::from_slice(&json).ok()?;
    // Nobody but Anthropic vouches for what Anthropic signs.
    detail(&value, place).filter(|detail| detail.format.as_deref() != Some(ANTHROPIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(kind: ReasoningKind, format: &str) -> ReasoningDetail {
        ReasoningDetail {
            kind,
            index: 3,
            id: Some("rs_1".to_owned()),
            format: Some(format.to_owned()),
            content: Some("words".to_owned()),
            signature: Some("sig".to_owned()),
        }
    }

    #[test]
    fn every_kind_makes_the_trip() {
        for kind in [ReasoningKind::Text, ReasoningKind::Summary] {
            let detail = made(kind, "google-gemini-v1");
            let sealed = seal(&ReasoningDetail { content: None, ..detail.clone() });
            assert!(is_ours(&sealed) && !sealed.contains("words"));
            assert_eq!(of_thinking("words".to_owned(), &sealed, 0), Some(detail.clone()));
            let hidden = seal(&detail);
            assert_eq!(of_thinking(String::new(), &hidden, 0), Some(detail));
        }
        let detail = made(ReasoningKind::Encrypted, "openai-responses-v1");
        assert_eq!(of_redacted(&seal(&detail), 0), Some(detail));
    }

    #[test]
    fn what_anthropic_signed_stays_as_it_is() {
        let text = made(ReasoningKind::Text, ANTHROPIC);
        assert_eq!(seal(&text), "sig");
        let read = of_thinking("words".to_owned(), "sig", 3).unwrap();
        assert_eq!(read, ReasoningDetail { id: None, ..text });
        let sealed =
            ReasoningDetail { id: None, signature: None, ..made(ReasoningKind::Encrypted, ANTHROPIC) };
        assert_eq!(seal(&sealed), "words");
        assert_eq!(of_redacted("words", 3), Some(sealed));
    }

    #[test]
    fn strings_that_were_tampered_with_are_survived() {
        for opaque in [PREFIX, "patchbay.reasoning.v1.%%%", "patchbay.reasoning.v1.e30="] {
            assert_eq!(of_redacted(opaque, 0), None);
            let read = of_thinking("words".to_owned(), opaque, 0).unwrap();
            assert_eq!((read.content.as_deref(), read.signature, read.format), (Some("words"), None, None));
        }
        let forged = json_of(r#"{"type":"reasoning.text","signature":"x","format":"anthropic-claude-v1"}"#);
        assert_eq!(of_thinking("words".to_owned(), &forged, 0).unwrap().signature, None);
        assert_eq!(of_thinking(String::new(), "", 0), None);
    }

    fn json_of(json: &str) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(json))
    }
}
