//! OpenAI Chat Completions, as OpenRouter extends it.
//!
//! - [`peek()`] reads what admission needs in one borrowed pass; [`decode`] reads a whole request and words
//!   every refusal, so that both refuse the same bodies with the same text.
//! - [`Stream`] and [`Whole`] write answers that the official SDKs of OpenAI and OpenRouter accept.

mod peek;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod whole;
mod write;

pub use peek::{has_prompt, peek};
pub use read::decode;
pub use stream::Stream;
pub use whole::Whole;
