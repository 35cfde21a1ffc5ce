//! Google Vertex AI: Gemini, Claude and open models under one roof.

use crate::canonical::Operation;
use crate::codec::{Adapter, Target};

/// The adapter for a kind of work, where this dialect does it.
pub(crate) fn adapter(_operation: Operation, _target: &Target<'_>) -> Option<&'static dyn Adapter> {
    None
}
