//! The simulator through real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod admin;
mod anthropic;
mod client;
mod fast;
mod faults;
mod gemini;
mod ollama;
mod openai;
