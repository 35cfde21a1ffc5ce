//! What a request may have at most, and the ranges that its numbers keep to.

use memchr::memchr2;

use crate::error::BadRequest;

pub(in crate::client) const DEPTH: usize = 64;
pub(in crate::client) const MESSAGES: usize = 2_000;
pub(in crate::client) const TOOLS: usize = 128;
pub(in crate::client) const MODELS: usize = 64;
pub(in crate::client) const CHOICES: u64 = 128;
/// Characters of a session id and of a user id.
pub(in crate::client) const NAME: usize = 256;

pub(in crate::client) const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

pub(in crate::client) const TEMPERATURE: (f64, f64) = (0.0, 2.0);
pub(in crate::client) const SHARE: (f64, f64) = (0.0, 1.0);
pub(in crate::client) const PENALTY: (f64, f64) = (-2.0, 2.0);
pub(in crate::client) const REPETITION: (f64, f64) = (0.0, 2.0);

/// Refuses a body whose arrays and objects nest deeper than [`DEPTH`], before any parser recurses into it.
///
/// # Errors
/// [`BadRequest`] saying so.
pub(in crate::client) fn check_depth(body: &[u8]) -> Result<(), BadRequest> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = after_string(body, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH {
                    return Err(BadRequest::new(format!(
                        "the request body nests deeper than {DEPTH} levels"
                    )));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The position after the closing quote of the string that starts at `at`.
fn after_string(body: &[u8], mut at: usize) -> usize {
    while let Some(found) = body.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if body[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    body.len()
}
