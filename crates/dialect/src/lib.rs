//! The canonical inference model and the codecs of every wire dialect. Pure: no I/O, no clock.
//!
//! - [`canonical`]: requests and the events that answers are made of.
//! - [`client`]: what clients speak; reads requests, writes answers.
//! - [`codec`]: what providers speak; writes requests, reads answers, classes errors.
//! - [`classify`]: what the provider dialects class alike.
//! - [`sse`]: the framing they share.

mod anthropic;
mod bedrock;
pub mod canonical;
pub mod classify;
pub mod client;
pub mod codec;
mod cohere;
mod collected;
mod effort;
mod end_user;
pub mod error;
mod gemini;
mod media;
mod mistral;
mod ollama;
mod openai;
mod raw;
mod reasoning_details;
mod resold;
pub mod sse;
mod tokens;
mod vectors;
mod vertex;
