//! Every dialect over recorded traffic of the providers that speak it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod aimed;
mod answers;
mod anthropic;
mod bedrock;
mod cases;
mod cohere;
mod fold;
mod gemini;
mod messages;
mod mistral;
mod modalities;
mod ollama;
mod openai;
mod proof;
mod responses;
mod vertex;
