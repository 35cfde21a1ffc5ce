//! Mistral's API, which is nearly OpenAI's.

use crate::canonical::Operation;
use crate::codec::Adapter;

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(_operation: Operation) -> Option<&'static dyn Adapter> {
    None
}
