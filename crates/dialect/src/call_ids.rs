//! Ids of tool calls for providers that take only some: the same id always becomes the same, so that a call and
//! its result still meet.

use std::borrow::Cow;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id of nine letters and digits, as Mistral wants it: the id itself, where it is one.
pub(crate) fn nine(id: &str) -> Cow<'_, str> {
    let is_one = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_one { Cow::Borrowed(id) } else { Cow::Owned(made(id, 9)) }
}

/// So many letters and digits out of an id.
pub(crate) fn made(id: &str, length: usize) -> String {
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
    fn ids_become_nine_and_stay_the_same() {
        let made = nine("call_abcdefghijklmnopqrstuvwx");
        assert_eq!(made.len(), 9);
        assert_eq!(nine("call_abcdefghijklmnopqrstuvwx"), made);
        assert_eq!(nine(&made), made);
        assert_ne!(nine("call_abcdefghijklmnopqrstuvwy"), made);
        assert_eq!(nine("D681PevKs"), "D681PevKs");
    }
}
