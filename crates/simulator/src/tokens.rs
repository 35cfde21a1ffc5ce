//! Token counts of `o200k_base`, which stand for every provider's own tokenizer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tiktoken_rs::{CoreBPE, o200k_base_singleton};

use crate::seed::hash_text;

/// Texts are tokenised in slices of this many bytes, so that no text is quadratic.
const SLICE: usize = 16 * 1024;
/// How many counts are remembered.
const REMEMBERED: usize = 8192;

/// What one content chunk is made of at least: one token, or several that only together are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) tokens: u64,
}

/// Counts and splits. The first use loads the vocabulary, which takes a while: call it on the blocking pool.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer {
    counts: Mutex<HashMap<(u64, usize), u64>>,
}

impl Tokenizer {
    /// Loads the vocabulary.
    pub(crate) fn warm(&self) {
        self.count("warm");
    }

    /// The number of tokens in a text; repeated texts are remembered.
    pub(crate) fn count(&self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let key = (hash_text(text), text.len());
        if let Some(count) = self.counts().get(&key) {
            return *count;
        }
        let count = slices(text).map(|slice| bpe().encode_ordinary(slice).len() as u64).sum();
        let mut counts = self.counts();
        if counts.len() >= REMEMBERED {
            counts.clear();
        }
        counts.insert(key, count);
        count
    }

    /// A text as its tokens, in order.
    pub(crate) fn split(text: &str) -> Vec<Piece> {
        slices(text).flat_map(split_slice).collect()
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<(u64, usize), u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bpe() -> &'static CoreBPE {
    o200k_base_singleton()
}

fn split_slice(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    let mut tokens = 0;
    for token in bpe().encode_ordinary(text) {
        bytes.extend(bpe().decode_bytes(&[token]).unwrap_or_default());
        tokens += 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            pieces.push(Piece { text: text.to_owned(), tokens });
            bytes.clear();
            tokens = 0;
        }
    }
    pieces
}

fn slices(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (slice, after) = rest.split_at(rest.floor_char_boundary(SLICE));
        rest = after;
        Some(slice)
    })
}

/// The tokens of pieces, summed.
pub(crate) fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.tokens).sum()
}

/// Keeps the first `limit` tokens; whether anything was dropped.
pub(crate) fn truncate(pieces: &mut Vec<Piece>, limit: u64) -> bool {
    let mut used = 0;
    let kept = pieces.iter().take_while(|piece| {
        used += piece.tokens;
        used <= limit
    });
    let kept = kept.count();
    let dropped = kept < pieces.len();
    pieces.truncate(kept);
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_pieces_agree() {
        let tokenizer = Tokenizer::default();
        for text in ["Hello, world!", "naïve 東京 👩‍🚀 done", "", "{\"a\":1}"] {
            let pieces = Tokenizer::split(text);
            assert_eq!(total(&pieces), tokenizer.count(text), "{text}");
            assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        }
        assert_eq!(tokenizer.count("hello world"), 2);
    }

    #[test]
    fn truncation_says_whether_it_cut() {
        let mut pieces = Tokenizer::split("one two three four");
        assert!(!truncate(&mut pieces, 4));
        assert!(truncate(&mut pieces, 2));
        assert_eq!(total(&pieces), 2);
    }
}
