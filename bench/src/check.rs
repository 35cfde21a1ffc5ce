//! Whether an answer is right: its whole text, every chunk in order, and its usage.

use std::borrow::Cow;

use anyhow::{bail, ensure};
use memchr::memchr;
use serde::Deserialize;
use simulator::{FAST_PROMPT_TOKENS, fast_piece};

/// What every answer of a shape must be.
#[derive(Debug)]
pub(crate) struct Expected {
    text: String,
    tokens: u64,
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Content<'a>,
}

#[derive(Deserialize, Default)]
struct Content<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Vec<ChunkChoice<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    #[serde(borrow, default)]
    delta: Content<'a>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Expected {
    pub(crate) fn of(tokens: u64) -> Self {
        Self { text: (0..tokens).map(fast_piece).collect(), tokens }
    }

    /// Checks an answer that came at once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn whole(&self, body: &[u8]) -> anyhow::Result<()> {
        let answer: Whole<'_> = serde_json::from_slice(body)?;
        let text = answer.choices.first().and_then(|choice| choice.message.content.as_deref());
        ensure!(text == Some(&self.text), "the text is not what was generated");
        self.usage(&answer.usage)
    }

    fn usage(&self, usage: &Usage) -> anyhow::Result<()> {
        let said = (usage.prompt_tokens, usage.completion_tokens);
        ensure!(said == (FAST_PROMPT_TOKENS, self.tokens), "the usage is {said:?}");
        Ok(())
    }

    /// A check of a stream that begins.
    pub(crate) const fn stream(&self) -> StreamCheck<'_> {
        StreamCheck { expected: self, line: Vec::new(), seen: 0, metered: false, done: false }
    }
}

/// Reads a stream as it comes, however it is cut.
#[derive(Debug)]
pub(crate) struct StreamCheck<'a> {
    expected: &'a Expected,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Bytes of text so far.
    seen: usize,
    metered: bool,
    done: bool,
}

impl StreamCheck<'_> {
    /// Takes what came; the answer is how many generated chunks it completes.
    ///
    /// # Errors
    /// When a chunk is missing, out of order, or an error.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> anyhow::Result<u64> {
        let before = self.seen;
        while let Some(end) = memchr(b'\n', bytes) {
            if self.line.is_empty() {
                self.read(&bytes[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.read(&line)?;
            }
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
        let piece = fast_piece(0).len();
        Ok((self.seen / piece - before / piece) as u64)
    }

    fn read(&mut self, line: &[u8]) -> anyhow::Result<()> {
        // Empty lines, comments and names of events say nothing.
        let Some(data) = line.strip_prefix(b"data:") else { return Ok(()) };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data)?;
        if let Some(error) = chunk.error {
            bail!("the stream says {error}");
        }
        for choice in &chunk.choices {
            let Some(text) = choice.delta.content.as_deref() else { continue };
            let rest = self.expected.text.get(self.seen..).unwrap_or_default();
            ensure!(rest.starts_with(text), "after {} bytes came {text:?}", self.seen);
            self.seen += text.len();
        }
        if let Some(usage) = &chunk.usage {
            self.expected.usage(usage)?;
            self.metered = true;
        }
        Ok(())
    }

    /// Checks that the stream came to its end.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        ensure!(self.seen == self.expected.text.len(), "the stream ended after {} bytes of text", self.seen);
        ensure!(self.metered, "the stream said no usage");
        ensure!(self.done, "the stream did not say [DONE]");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        ": PROCESSING\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\" w00000\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\" w00001\"}}],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":400,\"completion_tokens\":2}}\n\n",
        "data: [DONE]\n\n",
    );

    #[test]
    fn a_stream_is_right_however_it_is_cut() {
        let expected = Expected::of(2);
        for size in 1..STREAM.len() {
            let mut check = expected.stream();
            let chunks: u64 = STREAM.as_bytes().chunks(size).map(|part| check.take(part).unwrap()).sum();
            assert_eq!(chunks, 2);
            check.finish().unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let expected = Expected::of(2);
        let lost = STREAM.replace("data: {\"choices\":[{\"delta\":{\"content\":\" w00000\"}}]}\n\n", "");
        assert!(expected.stream().take(lost.as_bytes()).is_err());
        let mut short = expected.stream();
        short.take(STREAM.replace("data: [DONE]\n\n", "").as_bytes()).unwrap();
        assert!(short.finish().unwrap_err().to_string().contains("[DONE]"));
        let body = r#"{"choices":[{"message":{"content":" w00000 w00001"}}],"usage":{"prompt_tokens":400,"completion_tokens":3}}"#;
        assert!(expected.whole(body.as_bytes()).unwrap_err().to_string().contains("usage"));
    }
}
