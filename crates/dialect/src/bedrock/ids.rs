//! Ids of calls as the provider accepts them: the same id always becomes the same, so that a call and its
//! result still meet.

use std::borrow::Cow;

use super::family::Family;
use crate::call_ids;

/// Characters of an id at most.
const LENGTH: usize = 64;

/// An id that the provider takes: the id itself, where it is one.
pub(super) fn accepted(id: &str, family: Family) -> Cow<'_, str> {
    if family == Family::Mistral {
        return call_ids::nine(id);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    match id.bytes().all(is_allowed) && (1..=LENGTH).contains(&id.len()) {
        true => Cow::Borrowed(id),
        false => Cow::Owned(format!("call_{}", call_ids::made(id, 11))),
    }
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
