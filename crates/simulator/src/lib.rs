//! Upstream providers that behave like the real ones on the wire.
//!
//! Each dialect has the paths below its name that the provider has below its own base URL; a version in the path may
//! be there or not.
//!
//! | Below | Paths |
//! |---|---|
//! | `/openai` | `chat/completions`, `completions`, `responses`, `embeddings`, `images/generations`, `images/edits`, `audio/speech`, `audio/transcriptions`, `rerank`, `models`; Azure's `deployments/{name}/...` |
//! | `/anthropic` | `messages`, `messages/count_tokens`, `models` |
//! | `/gemini` | `models/{model}:generateContent`, `:streamGenerateContent`, `:embedContent`, `:batchEmbedContents`, `:countTokens`, `models` |
//! | `/vertex` | `projects/{p}/locations/{l}/publishers/google/models/{model}:...` as Gemini, and `:predict`; `publishers/anthropic/models/{model}:rawPredict`, `:streamRawPredict`; `endpoints/openapi/chat/completions`, `endpoints/{id}:...` |
//! | `/mistral` | `chat/completions`, `embeddings`, `models` |
//! | `/cohere` | `chat`, `embed`, `rerank` of version 2, `models` |
//! | `/bedrock` | `model/{id}/converse`, `converse-stream`; `invoke`, `invoke-with-response-stream` of Claude; `invoke` of embeddings (Titan, Nova, Cohere) and rankings |
//! | `/ollama` | `api/chat`, `api/embed`, `api/embeddings`, `api/tags`; OpenAI's and Anthropic's below `v1` |
//! | `/v1`, `/pay` | Stripe's checkout sessions, payment intents, refunds and events, and the page where a session is paid |
//! | `/oauth` | `token`: exchanges a signed assertion for an access token of Vertex |
//!
//! The prefix `/p/{name}` makes it another provider, with scripts, caches and log entries of its own:
//! `/p/groq/openai/v1/chat/completions`. Names that are known providers bring that provider's habits with them.
//!
//! Any model is answered, but names that begin with `nonexistent`. What a model does is in its name: `image` draws,
//! `transcribe` counts tokens where other transcriptions count seconds, `imagen` is predicted, OpenAI's reasoning models
//! refuse what those refuse, and so on. Providers that refuse what they do not know do so here.
//!
//! Answers depend on the request and the configured seed alone. What a request is told to suffer is a
//! [`Script`]: set by an admin call (`/_admin/...`) or by a directive in the last message of the user (or the prompt,
//! the input, the query), such as `[[sim: status=429 retry_after=2 times=1]]`. The log (`/_admin/log`) says what was
//! generated and what of it was sent, whatever the answer claimed; `/_admin/requests` shows what has arrived.

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
mod stripe;
mod tokens;
mod vector;
mod vertex;
mod wire;

pub use answer::Usage;
pub use config::{Config, Mode, StripeConfig};
pub use dialect::Dialect;
pub use error::Error;
pub use fast::{FAST_PROMPT_TOKENS, FAST_TOKENS, fast_piece};
pub use log::{Entry, Outcome, Totals};
pub use script::Script;
pub use server::serve;
