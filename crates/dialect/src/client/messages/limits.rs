//! What a request may have at most, where this dialect is used with more than chat is.

pub(super) const MESSAGES: usize = 10_000;
pub(super) const TOOLS: usize = 1_024;
/// Models to fall back to, as `fallbacks`.
pub(super) const FALLBACKS: usize = 3;

/// Bytes of text, at most, that a tool stands for that [`is_client_run`].
pub(super) const CLIENT_RUN_BYTES: u64 = 6_144;

/// Whether a type of tools is Anthropic's own, but run by the client. Each is a form that the model knows; what
/// it knows costs tokens that are not in the body, and nothing else.
pub(crate) fn is_client_run(kind: &str) -> bool {
    ["bash_", "text_editor_", "memory_", "computer_"].iter().any(|family| kind.starts_with(family))
}
