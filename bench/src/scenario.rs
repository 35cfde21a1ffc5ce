//! The loads.

use bytes::Bytes;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

/// How the upstream answers: each a virtual provider, and a model of its own at every gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// At once, about 1 KB.
    Plain,
    /// After 50 ms, about 1 KB.
    Slow,
    /// A stream whose first token comes after 50 ms.
    First,
    /// A stream of 200 chunks, as fast as they go.
    Burst,
    /// A stream of 200 chunks, 20 a second.
    Paced,
    /// A stream of 30 chunks, 2 a second.
    Calm,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] =
        [Self::Plain, Self::Slow, Self::First, Self::Burst, Self::Paced, Self::Calm];

    /// The name of the virtual provider.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slow => "slow",
            Self::First => "first",
            Self::Burst => "burst",
            Self::Paced => "paced",
            Self::Calm => "calm",
        }
    }

    /// Tokens, and chunks of a stream.
    pub(crate) const fn tokens(self) -> u64 {
        match self {
            Self::Plain | Self::Slow => 80,
            Self::First => 20,
            Self::Burst | Self::Paced => 200,
            Self::Calm => 30,
        }
    }

    pub(crate) const fn answer_delay_ms(self) -> u64 {
        if matches!(self, Self::Slow) { 50 } else { 0 }
    }

    pub(crate) const fn first_token_delay_ms(self) -> u64 {
        if matches!(self, Self::First) { 50 } else { 0 }
    }

    pub(crate) const fn delay_ms(self) -> u64 {
        match self {
            Self::Paced => 50,
            Self::Calm => 500,
            _ => 0,
        }
    }

    pub(crate) const fn streams(self) -> bool {
        matches!(self, Self::First | Self::Burst | Self::Paced | Self::Calm)
    }
}

/// One load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Id {
    /// 64 connections in a closed loop, no upstream delay, 1.9 KB in, 1 KB out
    S1,
    /// 200 requests a second, open loop, upstream 50 ms
    S2,
    /// 50 streams a second, open loop, first token after 50 ms
    S2s,
    /// Streams of 200 chunks without delay, 16 connections in a closed loop
    S3,
    /// Many open streams at 20 chunks a second each
    S4,
    /// As S1 with bodies of 32 KB
    S5,
    /// 10,000 open streams at 2 chunks a second each, or as many as the limit of open files allows
    Crowd,
    /// Rising rates, open loop, until the latency or the machine gives in
    Curve,
}

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Drive {
    /// So many connections, each sending its next request when the last is answered.
    Closed(usize),
    /// So many requests a second, whatever becomes of the earlier ones.
    Open(u32),
    /// So many streams kept open; `None` = as many as the options say.
    Held(Option<usize>),
    Curve,
}

impl Id {
    pub(crate) const ALL: [Self; 8] =
        [Self::S1, Self::S2, Self::S2s, Self::S3, Self::S4, Self::S5, Self::Crowd, Self::Curve];

    pub(crate) const fn shape(self) -> Shape {
        match self {
            Self::S1 | Self::S5 | Self::Curve => Shape::Plain,
            Self::S2 => Shape::Slow,
            Self::S2s => Shape::First,
            Self::S3 => Shape::Burst,
            Self::S4 => Shape::Paced,
            Self::Crowd => Shape::Calm,
        }
    }

    pub(crate) const fn drive(self) -> Drive {
        match self {
            Self::S1 | Self::S5 => Drive::Closed(64),
            Self::S2 => Drive::Open(200),
            Self::S2s => Drive::Open(50),
            Self::S3 => Drive::Closed(16),
            Self::S4 => Drive::Held(None),
            Self::Crowd => Drive::Held(Some(10_000)),
            Self::Curve => Drive::Curve,
        }
    }

    /// Whether one round is enough: it is long, and its rounds say the same.
    pub(crate) const fn is_long(self) -> bool {
        matches!(self, Self::Crowd | Self::Curve)
    }

    /// The length of a request body, about.
    const fn body_bytes(self) -> usize {
        if matches!(self, Self::S5) { 32 * 1024 } else { 1900 }
    }

    /// The request for a model.
    pub(crate) fn body(self, model: &str) -> Bytes {
        let filler = "Tell me what is known about the tides of the northern seas, and why. ";
        let text: String = filler.chars().cycle().take(self.body_bytes() - 160).collect();
        let mut body = json!({
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 1000,
        });
        if self.shape().streams() {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        Bytes::from(body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_their_size() {
        assert!((1800..2000).contains(&Id::S1.body("bench/plain").len()));
        assert!((32_500..33_000).contains(&Id::S5.body("bench/plain").len()));
    }
}
