//! When two requests are the same: one key, one dialect, one body but for the white space between its tokens.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::execution::Request;

/// Bodies above so many bytes are read where they hold nobody up.
const LARGE: usize = 64 * 1024;

/// What tells a request from every other one. Not reversible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Of the headers only those count that change what may answer: the data region, and Anthropic's beta
    /// features. The order of members counts, and so do defaults that are spelled out.
    pub(super) async fn of(request: &Request) -> Self {
        let body = body(request.body.clone()).await;
        let mut digest = Sha256::new()
            .chain_update(request.caller.key.id.uuid().as_bytes())
            .chain_update(request.dialect.as_str())
            .chain_update([0, u8::from(request.peek.stream)]);
        for text in [&request.region, &request.anthropic_beta] {
            digest.update(text);
            digest.update([0]);
        }
        for model in &request.peek.models {
            digest.update(model);
            digest.update([0]);
        }
        Self(digest.chain_update(body).finalize().into())
    }

    pub(super) fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

async fn body(body: Bytes) -> [u8; 32] {
    if body.len() <= LARGE {
        return digest(&body);
    }
    let work = tokio::task::spawn_blocking({
        let body = body.clone();
        move || digest(&body)
    });
    match work.await {
        Ok(digest) => digest,
        // The runtime is going down.
        Err(_) => digest(&body),
    }
}

/// SHA-256 of JSON without the white space between its tokens.
fn digest(json: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    let (mut is_text, mut is_escaped, mut kept) = (false, false, 0);
    for (at, byte) in json.iter().enumerate() {
        if is_text {
            is_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else if *byte == b'"' {
            is_text = true;
        } else if byte.is_ascii_whitespace() {
            digest.update(&json[kept..at]);
            kept = at + 1;
        }
    }
    digest.update(&json[kept..]);
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_counts_inside_texts_alone() {
        let plain = digest(br#"{"a":[1,"x \" y\\"],"b":true}"#);
        assert_eq!(digest(b"{ \"a\" :\r\n [1 ,\t\"x \\\" y\\\\\"], \"b\": true }\n"), plain);
        for other in [
            &br#"{"a":[1,"x  \" y\\"],"b":true}"#[..],
            br#"{"b":true,"a":[1,"x \" y\\"]}"#,
            br#"{"a":[1,"x \" y\\"],"b":true,"n":1}"#,
        ] {
            assert_ne!(digest(other), plain);
        }
    }
}
