//! What a request may have at most, and the ranges that its numbers keep to.

use memchr::memchr2;

use crate::error::BadRequest;

pub(super) const DEPTH: usize = 64;
pub(super) const MESSAGES: usize = 2_000;
pub(super) const TOOLS: usize = 128;
pub(super) const MODELS: usize = 64;
pub(super) const CHOICES: u64 = 128;
/// Characters of a session id and of a user id.
pub(super) const NAME: usize = 256;

pub(super) const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

pub(super) const TEMPERATURE: (f64, f64) = (0.0, 2.0);
pub(super) const SHARE: (f64, f64) = (0.0, 1.0);
pub(super) const PENALTY: (f64, f64) = (-2.0, 2.0);
pub(super) const REPETITION: (f64, f64) = (0.0, 2.0);

/// Bytes of a body whose refusal is worded in full: the full reader needs many times the memory of the body.
pub(super) const EXPLAINED: usize = 1024 * 1024;
/// Members of a body. No API knows nearly as many, and each of them is compared with others.
pub(super) const MEMBERS: usize = 1_000;

/// Refuses a body whose arrays and objects nest deeper than [`DEPTH`] or that has more than [`MEMBERS`], before any parser
/// recurses into it, and one with text that is none: a parser that skips a string does not see that, and the next one would.
///
/// # Errors
/// [`BadRequest`] saying so.
pub(super) fn check_depth(body: &[u8]) -> Result<(), BadRequest> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(BadRequest::new(format!("the request body is not valid JSON: {error}")));
    }
    let (mut depth, mut members) = (0_usize, 1_usize);
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = after_string(body, at)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH {
                    return Err(BadRequest::new(format!(
                        "the request body nests deeper than {DEPTH} levels"
                    )));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => {
                members += 1;
                if members > MEMBERS {
                    return Err(BadRequest::new(format!("the request body has over {MEMBERS} members")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The position after the closing quote of the string that starts at `at`.
fn after_string(body: &[u8], mut at: usize) -> Result<usize, BadRequest> {
    while let Some(found) = body.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        match (body[at], body.get(at + 1)) {
            (b'"', _) => return Ok(at + 1),
            (_, Some(b'u')) => at = after_escape(body, at)?,
            _ => at += 2,
        }
    }
    Ok(body.len())
}

/// The position after the `\u…` that starts at `at`, and after its other half where it is one of two.
fn after_escape(body: &[u8], at: usize) -> Result<usize, BadRequest> {
    let halves = [unit(body, at), unit(body, at + 6)];
    match halves {
        [Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)] => Ok(at + 12),
        [Some(0xd800..=0xdfff), _] => {
            Err(BadRequest::new(format!("the request body is not valid JSON: half a character at byte {at}")))
        }
        [Some(_), _] => Ok(at + 6),
        // No escape: whoever reads the string says so.
        [None, _] => Ok(at + 2),
    }
}

/// The UTF-16 unit that the `\uXXXX` at `at` stands for.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_too_many_members_is_refused_however_deep_they_seem() {
        let body = |count: usize| {
            let members: Vec<_> = (0..count).map(|at| format!(r#""k{at}":[1,{{"a":1,"b":2}}]"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(check_depth(body(MEMBERS).as_bytes()), Ok(()));
        let refusal = check_depth(body(MEMBERS + 1).as_bytes()).unwrap_err();
        assert_eq!(refusal.message, "the request body has over 1000 members");
    }

    #[test]
    fn text_that_is_none_is_refused_even_where_nobody_reads_it() {
        for good in [r#"["\ud83d\ude00\u00e9\""]"#, r#"["\\ud800"]"#, r#"["ž"]"#] {
            assert_eq!(check_depth(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [&b"[\"\\ud800\"]"[..], b"[\"\\ude00\\ud83d\"]", b"[\"\\ud800\\n\"]", b"[\"\xc3\"]"] {
            assert!(check_depth(bad).is_err(), "{bad:?}");
        }
    }
}
