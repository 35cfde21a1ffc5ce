//! Which column of an export is what, and what its fields say.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate};
use csv::StringRecord;
use rpc::convert::Malformed;

use crate::Error;
use crate::store::bills::Line;

/// The names of columns in one provider's exports, the likeliest first.
struct Format {
    day: &'static [&'static str],
    request_id: &'static [&'static str],
    model: &'static [&'static str],
    input: &'static [&'static str],
    output: &'static [&'static str],
    cost: &'static [&'static str],
}

/// Costs as the platform's console exports them: a line per day and item, such as `gpt-4o-2024-08-06, input`.
const OPENAI: Format = Format {
    day: &["start_time_iso", "date", "start_time"],
    request_id: &["request_id"],
    model: &["model", "line_item"],
    input: &["input_tokens"],
    output: &["output_tokens"],
    cost: &["amount_value", "cost", "cost_usd"],
};

/// Costs as the console exports them: a line per day, model and type of token.
const ANTHROPIC: Format = Format {
    day: &["usage_date_utc", "date"],
    request_id: &["request_id"],
    model: &["model"],
    input: &["input_tokens"],
    output: &["output_tokens"],
    cost: &["cost_usd", "cost"],
};

const GENERIC: Format = Format {
    day: &["day", "date", "time", "timestamp"],
    request_id: &["request_id"],
    model: &["model"],
    input: &["input_tokens"],
    output: &["output_tokens"],
    cost: &["cost", "cost_usd", "amount"],
};

/// Where the fields of a line are.
pub(super) struct Columns {
    day: usize,
    model: usize,
    cost: usize,
    request_id: Option<usize>,
    input: Option<usize>,
    output: Option<usize>,
}

impl Columns {
    /// Finds them by the names that the request gives, else by the format's.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an unknown format or field, [`Error::Refused`] naming a column that is missing.
    pub(super) fn find(
        header: &StringRecord,
        format: &str,
        named: &HashMap<String, String>,
    ) -> Result<Self, Error> {
        let format = match format {
            "openai" => OPENAI,
            "anthropic" => ANTHROPIC,
            "generic" => GENERIC,
            _ => return Err(Malformed("format").into()),
        };
        let known = ["day", "request_id", "model", "input", "output", "cost"];
        if named.keys().any(|what| !known.contains(&what.as_str())) {
            return Err(Malformed("columns").into());
        }
        let place = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let optional = |what: &str, usual: &[&str]| match named.get(what) {
            Some(name) => place(name)
                .map(Some)
                .ok_or_else(|| Error::Refused(format!("there is no column `{name}` for `{what}`"))),
            None => Ok(usual.iter().find_map(|name| place(name))),
        };
        let needed = |what: &str, usual: &[&str]| {
            optional(what, usual)?.ok_or_else(|| {
                Error::Refused(format!("no column is known to be `{what}`: say which in `columns`"))
            })
        };
        Ok(Self {
            day: needed("day", format.day)?,
            model: needed("model", format.model)?,
            cost: needed("cost", format.cost)?,
            request_id: optional("request_id", format.request_id)?,
            input: optional("input", format.input)?,
            output: optional("output", format.output)?,
        })
    }

    /// Reads one row.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn line(&self, row: &StringRecord) -> Result<Line, &'static str> {
        let field = |place: usize| row.get(place).unwrap_or_default();
        let count = |place: Option<usize>, what: &'static str| match place.map(field) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| what),
        };
        // Items such as `gpt-4o-2024-08-06, cached input` name the model first.
        let model = field(self.model).split(',').next().unwrap_or_default().trim();
        if model.is_empty() {
            return Err("model: it is empty");
        }
        Ok(Line {
            day: day(field(self.day)).ok_or("day: write YYYY-MM-DD, RFC 3339, or seconds since 1970")?,
            request_id: self.request_id.map(field).filter(|id| !id.is_empty()).map(str::to_owned),
            model: model.to_owned(),
            input: count(self.input, "input: it is no number of tokens")?,
            output: count(self.output, "output: it is no number of tokens")?,
            cost: nanos(field(self.cost)).ok_or("cost: it is no amount of USD")?,
        })
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    if let Some(date) = text.get(..10).and_then(|date| date.parse().ok()) {
        return Some(date);
    }
    let seconds: i64 = text.parse().ok()?;
    Some(DateTime::from_timestamp(seconds, 0)?.date_naive())
}

/// An amount of USD as nano-USD, rounded half up where it is finer. `$`, thousands' commas and exponents may be.
fn nanos(text: &str) -> Option<i64> {
    let plain: String = text.chars().filter(|letter| !matches!(letter, '$' | ',' | ' ')).collect();
    let (number, exponent) = match plain.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (plain.as_str(), 0),
    };
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let scale = exponent.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let factor = 10_i128.checked_pow(scale.unsigned_abs());
    let nanos = match (scale >= 0, factor) {
        (true, factor) => value.checked_mul(factor?)?,
        // Finer than any number of digits that is read.
        (false, None) => 0,
        (false, Some(factor)) => value.checked_add(factor / 2)? / factor,
    };
    i64::try_from(if is_negative { -nanos } else { nanos }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_any_shape_become_nanos() {
        for (text, wanted) in [
            ("1", Some(1_000_000_000)),
            ("$1,234.5", Some(1_234_500_000_000)),
            ("-0.000000002", Some(-2)),
            ("0.0000000014", Some(1)),
            ("0.0000000015", Some(2)),
            ("2.5E-7", Some(250)),
            ("1e-60", Some(0)),
            ("1e3", Some(1_000_000_000_000)),
            ("9223372037", None),
            ("1e40", None),
            ("", None),
            ("-", None),
            ("1.2.3", None),
            ("free", None),
        ] {
            assert_eq!(nanos(text), wanted, "{text}");
        }
    }
}
