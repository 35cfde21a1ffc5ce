//! Upstream providers that behave like the real ones on the wire.
//!
//! OpenAI, Anthropic, Gemini and Ollama shapes, below `/openai`, `/anthropic`, `/gemini` and `/ollama`, with the
//! paths that each provider has below its own base URL. The prefix `/p/{name}` makes it another provider, with
//! scripts, caches and log entries of its own: `/p/groq/openai/v1/chat/completions`. Names that are known
//! providers bring that provider's habits with them.
//!
//! Answers depend on the request and the configured seed alone. What a request is told to suffer is a
//! [`Script`]: set by an admin call (`/_admin/...`) or by a directive in the last message of the user, such as
//! `[[sim: status=429 retry_after=2 times=1]]`. The log (`/_admin/log`) says what was generated and what of it
//! was sent, whatever the answer claimed.

mod admin;
mod answer;
mod anthropic;
mod ask;
mod bedrock;
mod body;
mod cache;
mod catalogue;
mod cohere;
mod config;
mod dialect;
mod error;
mod failure;
mod fast;
mod faults;
mod gemini;
mod job;
mod limits;
mod log;
mod mistral;
mod ollama;
mod openai;
mod payload;
mod picture;
mod player;
mod prepare;
mod prose;
mod quirks;
mod received;
mod render;
mod route;
mod schema;
mod script;
mod seed;
mod server;
mod simulator;
mod sound;
mod stamp;
mod steps;
mod strict;
mod tokens;
mod vector;
mod vertex;
mod wire;

pub use answer::Usage;
pub use config::{Config, Mode};
pub use dialect::Dialect;
pub use error::Error;
pub use fast::{FAST_PROMPT_TOKENS, FAST_TOKENS, fast_piece};
pub use log::{Entry, Outcome, Totals};
pub use script::Script;
pub use server::serve;
