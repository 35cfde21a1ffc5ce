//! Figures and dates as people read them.

use chrono::{DateTime, NaiveDate};

/// A decimal string with its thousands apart and a real minus: `−1,234.50`.
pub(super) fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", grouped(whole))
}

/// Without zeros beyond the cents: `100.00` of `100.000000000`. What is not in whole cents stays as it is.
pub(super) fn short(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.len() > 2 && fraction[2..].bytes().all(|digit| digit == b'0') => {
            &text[..whole.len() + 3]
        }
        _ => text,
    }
}

/// The same in dollars: `$1,234.50`.
pub(super) fn usd(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−${}", decimal(rest)),
        None => format!("${}", decimal(text)),
    }
}

pub(super) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn is_zero(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Basis points: `19%`, `7.5%`.
pub(super) fn percent(basis_points: u32) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    match (part, part % 10) {
        (0, _) => format!("{whole}%"),
        (_, 0) => format!("{whole}.{}%", part / 10),
        _ => format!("{whole}.{part:02}%"),
    }
}

/// An ISO date: `4 December 2026`. What is no date stays as it is.
pub(super) fn date(iso: &str) -> String {
    iso.parse::<NaiveDate>().map_or_else(|_| iso.to_owned(), |date| date.format("%-d %B %Y").to_string())
}

/// An ISO time: `1 December 2026, 00:00:00 UTC`.
pub(super) fn moment(iso: &str) -> String {
    DateTime::parse_from_rfc3339(iso)
        .map_or_else(|_| iso.to_owned(), |at| at.to_utc().format("%-d %B %Y, %H:%M:%S UTC").to_string())
}

/// Two ISO times as days: `30 Nov 2026`, `28 – 30 Nov 2026`.
pub(super) fn days(first: &str, last: &str) -> String {
    let day = |iso: &str| DateTime::parse_from_rfc3339(iso).map(|at| at.to_utc().date_naive());
    match (day(first), day(last)) {
        (Ok(first), Ok(last)) if first == last => first.format("%-d %b %Y").to_string(),
        (Ok(first), Ok(last)) => format!("{} – {}", first.format("%-d %b %Y"), last.format("%-d %b %Y")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_signed() {
        assert_eq!(decimal("1234567.890123456"), "1,234,567.890123456");
        assert_eq!(decimal("-0.000000001"), "−0.000000001");
        assert_eq!(decimal("999"), "999");
        assert_eq!(usd("-1234.50"), "−$1,234.50");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(
            ["100.000000000", "0.001000000", "5.10", "7"].map(short),
            ["100.00", "0.001000000", "5.10", "7"]
        );
        assert!(is_zero("-0.00") && !is_zero("0.01"));
    }

    #[test]
    fn rates_and_dates_are_short() {
        assert_eq!([1900, 750, 725, 5].map(percent), ["19%", "7.5%", "7.25%", "0.05%"]);
        assert_eq!(date("2026-12-04"), "4 December 2026");
        assert_eq!(moment("2026-12-01T00:00:00.250000Z"), "1 December 2026, 00:00:00 UTC");
        assert_eq!(days("2026-11-28T10:00:00Z", "2026-11-30T23:00:00Z"), "28 Nov 2026 – 30 Nov 2026");
    }
}
