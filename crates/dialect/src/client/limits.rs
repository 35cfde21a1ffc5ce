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

/// Refuses a body whose arrays and objects nest deeper than [`DEPTH`], before any parser recurses into it.
///
/// # Errors
/// [`BadRequest`] saying so.
pub(super) fn check_depth(body: &[u8]) -> Result<(), BadRequest> {
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
