//! The simulator through real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod admin;
mod anthropic;
mod audio;
mod bedrock;
mod chat_media;
mod client;
mod cohere;
mod completions;
mod embeddings;
mod everywhere;
mod fast;
mod faults;
mod gemini;
mod images;
mod made;
mod mistral;
mod ollama;
mod openai;
mod recorded;
mod recorded_requests;
mod responses;
mod vendors;
mod vertex;
