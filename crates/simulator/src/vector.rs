//! Embeddings: unit vectors that depend on the text alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::seed::{Dice, hash_text};

/// Longest vector.
const LONGEST: u64 = 8192;

/// A vector of so many numbers.
pub(crate) fn unit(text: &str, length: u64) -> Vec<f32> {
    let mut dice = Dice::new(hash_text(text));
    #[allow(clippy::cast_precision_loss, reason = "24 bits fit")]
    let raw: Vec<f32> =
        (0..length.clamp(1, LONGEST)).map(|_| (dice.roll() >> 40) as f32 / 8_388_608.0 - 1.0).collect();
    let norm = raw.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|value| value / norm).collect()
}

/// A vector as JSON: numbers, or the base64 of their little-endian bytes.
pub(crate) fn unit_value(text: &str, length: u64, base64: bool) -> Value {
    let vector = unit(text, length);
    if base64 {
        json!(STANDARD.encode(vector.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()))
    } else {
        json!(vector)
    }
}

/// The numbers of a vector as signed bytes.
pub(crate) fn bytes(text: &str, length: u64) -> Vec<i8> {
    #[allow(clippy::cast_possible_truncation, reason = "a unit vector's numbers are at most 1")]
    unit(text, length).into_iter().map(|value| (value * 127.0) as i8).collect()
}

/// How near two texts are, 0 to 1: words in common, and a little by chance.
pub(crate) fn nearness(query: &str, text: &str) -> f64 {
    let words = |text: &str| crate::prose::subjects(text);
    let (wanted, held) = (words(query), words(text));
    let common = wanted.iter().filter(|word| held.contains(word)).count();
    let mut dice = Dice::new(hash_text(query) ^ hash_text(text).rotate_left(1));
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let share = common as f64 / wanted.len().max(1) as f64;
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let chance = dice.below(1_000_000) as f64 / 1_000_000.0;
    share * 0.9 + chance * 0.09
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_of_unit_length_and_texts_with_common_words_are_near() {
        let norm: f32 = unit("a", 64).iter().map(|value| value * value).sum();
        assert!((norm - 1.0).abs() < 1e-4);
        assert_eq!(unit("a", 4), unit("a", 4));
        assert!(
            nearness("whales singing", "the whales were singing") > nearness("whales singing", "a stone")
        );
    }
}
