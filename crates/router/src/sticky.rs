//! Which endpoint holds a conversation's prompt in its cache.
//!
//! Edges send one conversation to one router, so this is one router's bounded memory: nothing is shared, and a
//! router that starts anew costs each conversation one cold prompt.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use moka::sync::Cache;

use crate::choose::Held;

/// What stands for a conversation, the tenant in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Conversation(u128);

impl Conversation {
    /// Reads the 16 bytes of the wire. `None` when there are more or fewer: nothing is remembered then.
    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

/// What conversations are held by, until they have been silent for a while.
#[derive(Debug, Clone)]
pub(crate) struct Sticky(Cache<(Conversation, u64), Held>);

impl Sticky {
    pub(crate) fn new(limit: u64, idle_ms: u64) -> Self {
        let cache = Cache::builder().max_capacity(limit).time_to_idle(Duration::from_millis(idle_ms));
        Self(cache.build())
    }

    /// What holds a conversation with the model of this name.
    pub(crate) fn get(&self, conversation: Conversation, name: &str) -> Option<Held> {
        self.0.get(&(conversation, hash(name)))
    }

    pub(crate) fn put(&self, conversation: Conversation, name: &str, held: Held) {
        self.0.insert((conversation, hash(name)), held);
    }
}

/// Names are kept by their hash: two that fell together would only share a preference within one conversation.
fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_conversation_is_held_per_name() {
        let sticky = Sticky::new(100, 600_000);
        let one = Conversation::from_key(&[1; 16]).unwrap();
        let held = Held { endpoint: Uuid::from_u128(1), credential: Uuid::nil() };
        sticky.put(one, "a/m", held);
        assert_eq!(sticky.get(one, "a/m"), Some(held));
        assert_eq!(sticky.get(one, "a/m:nitro"), None);
        assert_eq!(sticky.get(Conversation::from_key(&[2; 16]).unwrap(), "a/m"), None);
        let moved = Held { endpoint: Uuid::from_u128(2), ..held };
        sticky.put(one, "a/m", moved);
        assert_eq!(sticky.get(one, "a/m"), Some(moved));
    }

    #[test]
    fn a_key_of_another_length_stands_for_nothing() {
        assert_eq!(Conversation::from_key(&[]), None);
        assert_eq!(Conversation::from_key(&[1; 15]), None);
    }
}
