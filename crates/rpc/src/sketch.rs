//! What the buckets of a sketch hold.
//!
//! Bucket `i` holds the values above `0.01 * 1.1^(i-1)` up to `0.01 * 1.1^i`. Its middle is at most 4.8 % off any
//! of them, so a quantile read from a sketch is within 4.8 % of the true one, and sketches of the same values
//! are merged by adding their counts. Whoever observes and whoever merges must mean the same by an index, so
//! this never changes: another resolution needs other fields on the wire.

/// Buckets there are: values up to 360 million, which in milliseconds is four days.
pub const BUCKETS: u32 = 256;

/// The upper end of bucket 0.
const LEAST: f64 = 0.01;
/// How many times the end of one bucket is that of the one before.
const STEP: f64 = 1.1;

/// The bucket that holds `value`; what is outside all of them goes into the nearest.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is between 0 and 255; a cast takes NaN for 0"
)]
pub fn index(value: f64) -> u32 {
    // What lies on a bucket's end may come out a little above it.
    let steps = (value.max(LEAST) / LEAST).ln() / STEP.ln() - 1e-9;
    steps.ceil().clamp(0.0, f64::from(BUCKETS - 1)) as u32
}

/// What stands for the values of a bucket: equally far off either end, in proportion.
#[must_use]
pub fn value(index: u32) -> f64 {
    LEAST * STEP.powi(i32::try_from(index.min(BUCKETS - 1)).unwrap_or(0)) * 2.0 / (1.0 + STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_for_its_values_within_five_percent() {
        let mut at = 0.0105;
        while at < 3e8 {
            let off = (value(index(at)) - at).abs() / at;
            assert!(off < 0.048, "{at} is read as {}", value(index(at)));
            at *= 1.003;
        }
    }

    #[test]
    fn what_is_outside_goes_into_the_nearest() {
        assert_eq!(
            [-1.0, 0.0, 0.01, f64::NAN, f64::INFINITY, 1e12].map(index),
            [0, 0, 0, 0, BUCKETS - 1, BUCKETS - 1]
        );
        assert_eq!(index(0.011), 1);
    }
}
