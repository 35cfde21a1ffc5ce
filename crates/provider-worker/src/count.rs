//! Counting tokens here, for the answers that end without the provider's own numbers.

use dialect::canonical::{Document, EmbeddingInput, PartKind, Request, Task};
use pricing::Source;
use tiktoken_rs::o200k_base_singleton;

/// Tokens that a chat template adds to each message.
const TEMPLATE: u64 = 4;
/// What the usual models take of an image of full size, and of a file of a page or two.
const IMAGE: u64 = 1_600;
const FILE: u64 = 3_200;
/// Bytes that are tokenized at once. Longer texts are cut, as the tokenizer's time and stack grow with them.
const PIECE: usize = 16 * 1024;

/// A stand-in for every model's tokenizer: o200k, which is exact for OpenAI's newer models.
/// Its table is a constant, which all workers of a process share.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counter;

impl Counter {
    /// Tokens of a text. Takes tens of microseconds per 2 KB, and 100 ms the first time.
    pub(crate) fn count(&self, text: &str) -> u64 {
        let mut rest = text;
        let mut total = 0;
        while rest.len() > PIECE {
            let window = rest.split_at(rest.floor_char_boundary(PIECE)).0;
            let (piece, after) = rest.split_at(boundary(window).unwrap_or(window.len()));
            total += Self::count_piece(piece);
            rest = after;
        }
        total + Self::count_piece(rest)
    }

    fn count_piece(piece: &str) -> u64 {
        // The tokenizer panics where its pattern matcher gives up; an account must not be lost to that.
        let tokens = std::panic::catch_unwind(|| o200k_base_singleton().encode_ordinary(piece).len() as u64);
        // Never more than the bytes, which is what was reserved for.
        tokens.unwrap_or_else(|_| (piece.len() as u64).div_ceil(4))
    }

    /// Tokens of what was asked, as far as it is text.
    pub(crate) fn count_prompt(&self, task: &Task) -> u64 {
        match task {
            Task::Chat(request) => self.count_conversation(request),
            Task::Embeddings(request) => request.inputs.iter().map(|input| self.count_input(input)).sum(),
            Task::Rerank(request) => {
                let text = |document: &Document| document.text.as_deref().map_or(0, |text| self.count(text));
                self.count(&request.query) + request.documents.iter().map(text).sum::<u64>()
            }
            Task::Images(request) => self.count(&request.prompt),
            Task::Speech(request) => self.count(&request.input),
            Task::Transcription(_) => 0,
        }
    }

    /// Roughly what the images and files of a conversation come to.
    pub(crate) fn count_media(&self, task: &Task) -> u64 {
        let messages = task.chat().into_iter().flat_map(|request| &request.messages);
        let parts = messages.flat_map(|message| &message.content);
        let tokens = |kind: &PartKind| match kind {
            PartKind::Image { .. } => IMAGE,
            PartKind::File { .. } => FILE,
            _ => 0,
        };
        parts.map(|part| tokens(&part.kind)).sum()
    }

    /// A prompt's texts and tools, and the template around each message.
    fn count_conversation(&self, request: &Request) -> u64 {
        let mut total = 0;
        for message in &request.messages {
            total += TEMPLATE;
            message.for_each_text(|text| total += self.count(text));
        }
        for tool in &request.tools {
            total += self.count(&tool.counted_text());
        }
        total
    }

    fn count_input(&self, input: &EmbeddingInput) -> u64 {
        match input {
            EmbeddingInput::Text(text) => self.count(text),
            EmbeddingInput::Tokens(tokens) => tokens.len() as u64,
            EmbeddingInput::Parts(parts) => parts
                .iter()
                .map(|part| if let PartKind::Text(text) = &part.kind { self.count(text) } else { 0 })
                .sum(),
        }
    }

    /// How far counts are to be trusted.
    pub(crate) fn source(model: &str) -> Source {
        if model.starts_with("openai/") { Source::Counted } else { Source::Estimated }
    }
}

/// The last place where a text can be cut without changing its tokens: before a single space between two
/// words. `None` when there is none.
pub(crate) fn boundary(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    (1..bytes.len()).rev().find(|&at| bytes[at] == b' ' && is_word(at - 1) && is_word(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_at_a_boundary_changes_no_count() {
        let counter = Counter;
        let text = "The quick brown fox, 42 of them;  jumps\n over the lazy dog and rests a while.";
        let whole = counter.count(text);
        let mut rest = text;
        let mut cuts = 0;
        while let Some(at) = boundary(rest) {
            let (head, tail) = rest.split_at(at);
            assert_eq!(counter.count(head) + counter.count(&text[at..]), whole, "cut before {tail:?}");
            rest = head;
            cuts += 1;
        }
        assert!(cuts > 8);
    }

    #[test]
    fn counts_texts_that_a_tokenizer_dislikes() {
        let counter = Counter;
        for text in [" ".repeat(300_000), "a".repeat(100_000), "\u{1f600}".repeat(20_000)] {
            let count = counter.count(&text);
            assert!(count > 0 && count <= text.len() as u64);
        }
    }
}
