//! The `simulator` section of the configuration.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// How much work goes into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Reads the request and answers it; counts tokens; keeps the log.
    #[default]
    Full,
    /// Precomputed bytes with fixed usage, for benchmarks: the cheapest answer that is still well formed.
    /// Only totals are kept.
    Fast,
}

/// The `simulator` section of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where `patchbay simulate` listens.
    pub listen: SocketAddr,
    /// Mixed into every answer: another seed gives other answers to the same requests.
    pub seed: u64,
    pub mode: Mode,
    /// Refuses requests without a key, in the dialect's own words. A key that contains `invalid` is
    /// always refused, any other is accepted.
    pub require_key: bool,
    /// Says in every text answer that it is simulated.
    pub label: bool,
    /// How many requests the log keeps.
    pub log_capacity: usize,
    /// Request bodies up to this many bytes are kept in the log.
    pub log_body_bytes: usize,
    /// Milliseconds between two streamed chunks, unless a script says otherwise.
    pub delay_ms: u64,
    /// Milliseconds before the first token, unless a script says otherwise.
    pub first_token_delay_ms: u64,
    /// The shortest prefix that is cached, in tokens.
    pub cache_minimum_tokens: u64,
    /// Prompts longer than this many tokens are refused.
    pub context_tokens: u64,
    /// What the model lists name; every other model is answered as well, except names that begin with
    /// `nonexistent`.
    pub models: Vec<String>,
    pub stripe: StripeConfig,
}

/// The `simulator.stripe` section: where the stand-in for Stripe sends its events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeConfig {
    /// Empty = events are sent nowhere.
    pub webhook_url: String,
    /// What signs them; no real account has it.
    pub webhook_secret: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8089)),
            seed: 0,
            mode: Mode::Full,
            require_key: false,
            label: true,
            log_capacity: 10_000,
            log_body_bytes: 16 * 1024,
            delay_ms: 0,
            first_token_delay_ms: 0,
            cache_minimum_tokens: 1024,
            context_tokens: 1_000_000,
            models: ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "llama3.2"]
                .map(str::to_owned)
                .to_vec(),
            stripe: StripeConfig::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        simulator: Config,
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let file: File = lifecycle::load(include_str!("../../../config/default.toml"), None, "").unwrap();
        let say = |config: &Config| serde_json::to_value(config).unwrap();
        assert_eq!(say(&file.simulator), say(&Config::default()));
    }
}
