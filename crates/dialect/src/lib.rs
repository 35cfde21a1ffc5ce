//! The canonical inference model and the codecs of every wire dialect. Pure: no I/O, no clock.
//!
//! - [`canonical`]: requests and the events that answers are made of; [`error`] is what goes wrong.
//! - [`client`]: what clients speak; reads requests, writes answers.
//! - [`codec`]: what providers speak; writes requests, reads answers, classes errors.
//!
//! Each dialect of providers has a room: `openai` (Chat Completions, its legacy form, Responses and the further
//! modalities), `anthropic`, `gemini`, `vertex`, `bedrock`, `mistral`, `cohere` and `ollama`. They share:
//!
//! | Of requests | |
//! |---|---|
//! | `members` | a body that was written before, changed in some of its members alone |
//! | `resold` | Claude in the envelope of a reseller |
//! | `structured`, `tool_input` | answers in a schema, by a tool in its place; schemas of what tools take |
//! | `reasoning_details`, `effort` | pieces of reasoning as chat carries them, and how much of it is wished for |
//! | `call_ids`, `end_user` | ids that a provider takes, and users by names that do not say who they are |
//! | `media` | where images and files are, and of what type |
//!
//! | Of answers | |
//! |---|---|
//! | [`sse`], `whole` | streams of events, and bodies that are read whole |
//! | `raw`, `tokens` | values as they were written, and counts |
//! | `vectors`, `ranking` | the events of embeddings and of rankings |
//! | [`classify`] | statuses, waits and words that may reach a client |

mod anthropic;
mod bedrock;
mod call_ids;
pub mod canonical;
pub mod classify;
pub mod client;
pub mod codec;
mod cohere;
mod effort;
mod end_user;
pub mod error;
mod gemini;
mod media;
mod members;
mod mistral;
mod ollama;
mod openai;
mod ranking;
mod raw;
mod reasoning_details;
mod resold;
pub mod sse;
mod structured;
mod tokens;
mod tool_input;
mod vectors;
mod vertex;
mod whole;
