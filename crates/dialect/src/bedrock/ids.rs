//! Ids of calls as the provider accepts them: the same id always becomes the same, so that a call and its
//! result still meet.

use std::borrow::Cow;

use super::family::Family;

/// Characters of an id at most.
const LENGTH: usize = 64;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id that the provider takes: the id itself, where it is one.
pub(super) fn accepted(id: &str, family: Family) -> Cow<'_, str> {
    if family == Family::Mistral {
        let is_one = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return if is_one { Cow::Borrowed(id) } else { Cow::Owned(made(id, 9)) };
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    match id.bytes().all(is_allowed) && (1..=LENGTH).contains(&id.len()) {
        true => Cow::Borrowed(id),
        false => Cow::Owned(format!("call_{}", made(id, 11))),
    }
}

/// So many letters and digits out of an id.
fn made(id: &str, length: usize) -> String {
    // FNV-1a: spreads well, and nothing hangs on its being hard to invert.
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut made = String::with_capacity(length);
    for _ in 0..length {
        let letter = usize::try_from(hash % 62).ok().and_then(|at| LETTERS.get(at));
        made.push(char::from(*letter.unwrap_or(&b'0')));
        hash /= 62;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_where_they_can_be() {
        assert_eq!(accepted("tooluse_a-B.c:1", Family::Nova), "tooluse_a-B.c:1");
        assert_eq!(accepted("D681PevKs", Family::Mistral), "D681PevKs");
    }

    #[test]
    fn other_ids_become_one_that_stays_the_same() {
        for (id, family) in [("call_1", Family::Mistral), ("a|b", Family::Claude), ("", Family::Other)] {
            let made = accepted(id, family);
            assert_eq!(made, accepted(id, family));
            assert_eq!(accepted(&made, family), made);
            assert_ne!(made, accepted(&format!("{id}|"), family));
        }
        assert_eq!(accepted("call_1", Family::Mistral).len(), 9);
        assert_eq!(accepted(&"x".repeat(65), Family::Claude).len(), 16);
    }
}
