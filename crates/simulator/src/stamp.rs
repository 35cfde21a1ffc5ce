//! What names one answer.

use crate::quirks::Quirks;
use crate::route::Host;
use crate::seed::{ALPHANUMERIC, Dice, HEX};

#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) response_id: String,
    pub(crate) request_id: String,
    /// Unix time in milliseconds.
    pub(crate) millis: u64,
    pub(crate) model: String,
    /// Where the model is hosted, which shows in ids.
    pub(crate) host: Host,
    pub(crate) quirks: Quirks,
    /// Where ids of calls and paddings come from.
    pub(crate) seed: u64,
}

impl Stamp {
    pub(crate) const fn seconds(&self) -> u64 {
        self.millis / 1000
    }

    /// RFC 3339 with microseconds, `offset` milliseconds later.
    pub(crate) fn rfc3339(&self, offset: u64) -> String {
        let millis = self.millis + offset;
        let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}000Z", rest % 1000)
    }

    /// The id of a call: the same every time it is asked for.
    pub(crate) fn call_id(&self, prefix: &str, choice: usize, index: usize) -> String {
        format!("{prefix}{}", self.call_dice(choice, index).word(24, ALPHANUMERIC))
    }

    /// Dice for what belongs to one call.
    pub(crate) fn call_dice(&self, choice: usize, index: usize) -> Dice {
        Dice::new(self.seed ^ (choice as u64) << 32 ^ (index as u64 + 1))
    }

    /// Another id of this answer: the same every time it is asked for.
    pub(crate) fn part_id(&self, prefix: &str, number: usize) -> String {
        let mut dice = Dice::new(self.seed.rotate_left(17) ^ (number as u64 + 1));
        format!("{prefix}{}", dice.word(48, HEX))
    }
}

/// A version 4 UUID.
pub(crate) fn uuid(dice: &mut Dice) -> String {
    let digits = dice.word(32, HEX);
    let variant = ["8", "9", "a", "b"][dice.index(4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}

/// The civil date of a day since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
        assert_eq!(date(20_454), (2026, 1, 1));
    }

    #[test]
    fn uuids_have_their_form() {
        let id = uuid(&mut Dice::new(1));
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
    }
}
