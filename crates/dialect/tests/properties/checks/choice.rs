//! What a fuzz target does with its input: the first byte chooses an endpoint or a dialect, the second the size of
//! the pieces, the rest is what comes over the wire.

use dialect::client::Dialect;

use super::endpoints::{self, CONVERSATIONS, Endpoint, OTHERS};
use super::{requests, streams, wholes};

/// A fuzz target by its name, which is also that of the folder of its seeds.
pub struct Target {
    pub name: &'static str,
    pub check: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "sse", check: sse },
    Target { name: "openai_stream", check: openai_stream },
    Target { name: "responses_stream", check: responses_stream },
    Target { name: "anthropic_stream", check: anthropic_stream },
    Target { name: "gemini_stream", check: gemini_stream },
    Target { name: "bedrock_stream", check: bedrock_stream },
    Target { name: "vendor_stream", check: vendor_stream },
    Target { name: "whole", check: whole },
    Target { name: "chat_request", check: chat_request },
    Target { name: "responses_request", check: responses_request },
    Target { name: "messages_request", check: messages_request },
    Target { name: "other_request", check: other_request },
];

pub fn sse(input: &[u8]) {
    let (piece, bytes) = first(input);
    streams::check_frames(bytes, piece, 64);
}

pub fn openai_stream(input: &[u8]) {
    stream(&["openai", "openai-think", "mistral"], input);
}

pub fn responses_stream(input: &[u8]) {
    stream(&["responses"], input);
}

pub fn anthropic_stream(input: &[u8]) {
    stream(&["anthropic", "vertex-anthropic"], input);
}

pub fn gemini_stream(input: &[u8]) {
    stream(&["gemini"], input);
}

pub fn bedrock_stream(input: &[u8]) {
    stream(&["bedrock", "bedrock-invoke"], input);
}

pub fn vendor_stream(input: &[u8]) {
    stream(&["cohere", "ollama"], input);
}

/// Endpoints by their number in both lists, which therefore only grow at their ends.
pub fn whole(input: &[u8]) {
    let (number, bytes) = first(input);
    let endpoint: &Endpoint = match number % (32 + OTHERS.len()) {
        number if number < 32 => &CONVERSATIONS[number % CONVERSATIONS.len()],
        number => &OTHERS[number - 32],
    };
    wholes::check(endpoint, bytes);
}

pub fn chat_request(input: &[u8]) {
    requests::check(Dialect::Chat, input);
}

pub fn responses_request(input: &[u8]) {
    requests::check(Dialect::Responses, input);
}

pub fn messages_request(input: &[u8]) {
    requests::check(Dialect::Messages, input);
}

pub fn other_request(input: &[u8]) {
    let dialects = [
        Dialect::Completions,
        Dialect::Embeddings,
        Dialect::Rerank,
        Dialect::Images,
        Dialect::Speech,
        Dialect::Transcription,
    ];
    let (number, bytes) = first(input);
    requests::check(dialects[number % dialects.len()], bytes);
}

fn first(input: &[u8]) -> (usize, &[u8]) {
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    (usize::from(*first), rest)
}

fn stream(names: &[&str], input: &[u8]) {
    let (number, rest) = first(input);
    let (piece, bytes) = first(rest);
    streams::check(endpoints::named(names[number % names.len()]), bytes, piece);
}
