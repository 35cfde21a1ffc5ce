//! What a request may have at most, where this dialect is used with more than chat is.

pub(super) const MESSAGES: usize = 10_000;
pub(super) const TOOLS: usize = 1_024;
/// Models to fall back to, as `fallbacks`.
pub(super) const FALLBACKS: usize = 3;

/// Tools of Anthropic's own that the client runs, by the beginning of their types. Each is a form that the
/// model knows; what it knows costs tokens that are not in the body.
pub(super) const CLIENT_RUN: [&str; 5] =
    ["bash_", "text_editor_", "memory_", "computer_", "browser_toolset_"];

/// Bytes of text, at most, that one of those tools stands for.
pub(super) const CLIENT_RUN_BYTES: u64 = 6_144;
