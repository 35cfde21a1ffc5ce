//! What is told by its form: addresses of mail and of machines, and numbers.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::Draft;
use crate::config::Slug;

const OCTETS: &str = r"(?-u:\b)(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?-u:\b)";

pub(super) static RULES: [Draft; 8] = [
    Draft::new(
        Slug::Email,
        "email",
        "@",
        r"[\p{L}\p{N}_][\p{L}\p{N}._%+'-]*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:\p{L}{2,}|xn--[0-9a-z-]+)",
    ),
    Draft::new(
        Slug::Phone,
        "phone-international",
        r"\+[1-9]",
        r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}(?-u:\b)",
    )
    .narrowed(phone),
    Draft::new(
        Slug::Phone,
        "phone-north-american",
        r"[0-9]{3}[ .-][0-9]{4}",
        r"(?:(?-u:\b)1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|(?-u:\b)[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?-u:\b)",
    )
    .narrowed(phone),
    Draft::new(
        Slug::Ssn,
        "ssn",
        r"[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}",
        r"(?-u:\b)(?:[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4})(?-u:\b)",
    )
    .narrowed(ssn),
    Draft::new(
        Slug::CreditCard,
        "credit-card",
        r"[0-9]{4}[ -]?[0-9]{4}",
        r"(?-u:\b)(?:[0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){2}[ -][0-9]{1,4}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5})(?-u:\b)",
    )
    .narrowed(card),
    Draft::new(
        Slug::CreditCard,
        "credit-card-19",
        r"[0-9]{4}[ -][0-9]{3}(?-u:\b)",
        r"(?-u:\b)[0-9]{4}(?:[ -][0-9]{4}){3}[ -][0-9]{3}(?-u:\b)",
    )
    .narrowed(card),
    Draft::new(Slug::IpAddress, "ipv4", r"[0-9]\.[0-9]{1,3}\.[0-9]", OCTETS).narrowed(ipv4),
    Draft::new(
        Slug::IpAddress,
        "ipv6",
        ":[0-9A-Fa-f]{0,4}:",
        r"(?:(?-u:\b)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}|:(?::[0-9A-Fa-f]{0,4}){1,7})(?:\.[0-9]{1,3}){0,3}",
    )
    .narrowed(ipv6),
];

/// What joins the parts of a number.
const JOINTS: [char; 3] = ['.', '-', '+'];

fn phone(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    stands_alone(text, &range, &JOINTS).then_some(range)
}

fn ssn(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let digits = digits(text, &range);
    (stands_alone(text, &range, &JOINTS) && is_issued_to_a_person(&digits)).then_some(range)
}

fn ipv4(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    stands_alone(text, &range, &['.']).then_some(range)
}

fn card(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let digits = digits(text, &range);
    (is_a_card_s(&digits) && is_luhn(&digits)).then_some(range)
}

fn digits(text: &str, range: &Range<usize>) -> Vec<u32> {
    text.get(range.clone()).unwrap_or_default().chars().filter_map(|one| one.to_digit(10)).collect()
}

/// Whether a number is no part of a longer one, nor of a word: `1.2.3.4.5`, `v1.2.3.4`, `12-34-5678-9`.
fn stands_alone(text: &str, range: &Range<usize>, joints: &[char]) -> bool {
    let mut before = text.get(..range.start).unwrap_or_default().chars().rev();
    let mut after = text.get(range.end..).unwrap_or_default().chars();
    is_end(before.next(), before.next(), joints) && is_end(after.next(), after.next(), joints)
}

fn is_end(neighbour: Option<char>, beyond: Option<char>, joints: &[char]) -> bool {
    match neighbour {
        Some(joint) if joints.contains(&joint) => !beyond.is_some_and(|one| one.is_ascii_digit()),
        Some(other) => !other.is_alphanumeric() && other != '_',
        None => true,
    }
}

/// The numbers that the Social Security Administration never gave out are none.
fn is_issued_to_a_person(digits: &[u32]) -> bool {
    let number = |part: &[u32]| part.iter().fold(0, |number, digit| number * 10 + digit);
    let [area, group, serial] = [digits.get(..3), digits.get(3..5), digits.get(5..9)]
        .map(|part| part.map(number).unwrap_or_default());
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

/// Whether an issuer of cards has numbers that begin like this one and are as long.
fn is_a_card_s(digits: &[u32]) -> bool {
    let number = |count: usize| digits.iter().take(count).fold(0, |number, digit| number * 10 + digit);
    let length = digits.len();
    match (number(1), number(2), number(4)) {
        // Visa.
        (4, ..) => matches!(length, 13 | 16 | 19),
        // American Express.
        (_, 34 | 37, _) => length == 15,
        // Mastercard.
        (_, 51..=55, _) | (_, _, 2221..=2720) => length == 16,
        // Diners Club.
        (_, 36 | 38 | 39, _) | (_, _, 3000..=3059) => (14..=19).contains(&length),
        // JCB, Discover, UnionPay.
        (_, _, 3528..=3589 | 6011) | (_, 62 | 64 | 65, _) => (16..=19).contains(&length),
        // Maestro.
        (_, 50 | 56..=69, _) => (13..=19).contains(&length),
        _ => false,
    }
}

fn is_luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, double) if double > 9 => double - 9,
        (_, double) => double,
    });
    weighed.sum::<u32>() % 10 == 0
}

/// An address without the stop or the colon that follows it. `a::b` is a path in a program rather than an address.
fn ipv6(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let candidate = text.get(range.clone())?;
    let trimmed = match candidate.strip_suffix(':') {
        Some(rest) if !rest.ends_with(':') => rest,
        _ => candidate,
    };
    let range = range.start..range.start + trimmed.len();
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(|one| one.is_alphanumeric() || one == '_');
    let is_part = is_word(text.get(..range.start)?.chars().next_back())
        || text.get(..range.start)?.ends_with(':')
        || is_word(text.get(range.end..)?.chars().next());
    let has_digit = trimmed.bytes().any(|byte| byte.is_ascii_digit());
    let is_long = trimmed.len() >= 7 || trimmed == "::1";
    (!is_part && has_digit && is_long && trimmed.parse::<Ipv6Addr>().is_ok()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_that_is_wrong_makes_no_card() {
        let digits = |text: &str| digits(text, &(0..text.len()));
        assert!(is_luhn(&digits("4111 1111 1111 1111")));
        assert!(!is_luhn(&digits("4111 1111 1111 1112")));
        assert!(is_a_card_s(&digits("378282246310005")));
        assert!(!is_a_card_s(&digits("1234567812345670")));
    }
}
