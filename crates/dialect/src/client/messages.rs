//! Anthropic Messages, for any model: official Anthropic SDKs run against every provider.
//!
//! - [`peek()`] reads what admission needs in one borrowed pass; [`decode`] reads a whole request into the
//!   canonical model and words every refusal.
//! - `answer` writes answers: content blocks one after the other, never two open at once.
//! - `signature` lets reasoning of any provider make the trip through a client of this dialect.
//! - [`error()`] is the skin of an answer that is nothing but an error.
//!
//! # What becomes of a request
//! A provider that speaks this dialect gets the client's own body, see [`crate::canonical::Original`]. For all
//! others, what has a meaning beyond Anthropic is mapped:
//!
//! | Here | Canonical |
//! |---|---|
//! | `system`, turns of role `system` | turns of [`Speaker::System`](crate::canonical::Speaker::System) |
//! | `tool_result` | a turn of its own, before the rest of the user's turn; an error is led by `Error:` |
//! | images and documents in a `tool_result` | parts of the user's turn after it: few providers take them in results |
//! | `document` of text or content, `search_result` | text, led by title and context; PDFs are files |
//! | `thinking`, `redacted_thinking` | reasoning, in its provider's own form |
//! | `compaction` | text |
//! | tools of Anthropic's own that the client runs (bash, text editor, memory, computer) | functions of the same name and arguments |
//! | `disable_parallel_tool_use` | no parallel tool calls |
//! | `thinking`, `output_config.effort` | reasoning: a budget, an effort, on or off; `display: omitted` hides its text |
//! | `output_config.format`, `output_format` | a JSON schema as response format |
//! | `metadata.user_id` | the end user |
//! | `speed: fast` | the service tier `priority` |
//! | `fallbacks` | further models |
//! | `thread` | nothing: a thread may begin, but none goes on, see `thread` |
//!
//! What only Anthropic has a meaning for is for Anthropic alone: blocks and tools of its server tools,
//! `context_management`, `container`, `mcp_servers`, citations and such. Members that this dialect does not
//! know reach a provider that speaks it and no other, where they might mean something that nobody paid for.

mod answer;
mod encoded_text;
mod error;
mod limits;
mod peek;
mod read;
mod signature;
#[cfg(test)]
mod tests;
mod thread;
mod tokens;

pub(super) use answer::answer;
pub(super) use error::error;
pub(crate) use limits::is_client_run;
pub(super) use peek::peek;
pub(super) use read::decode;
pub(crate) use signature::is_ours as is_our_signature;
pub use tokens::{count_tokens, counted};
