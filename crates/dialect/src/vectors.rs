//! Vectors: the texts of the dialects that take nothing else, and the answers of all.

use std::borrow::Cow;

use pricing::Usage;

use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, PartKind};
use crate::error::BadRequest;

/// What is to be embedded as one text each; several texts of one input become its lines.
///
/// # Errors
/// [`BadRequest`] naming the input that is no text.
pub(crate) fn texts(request: &EmbeddingsRequest) -> Result<Vec<Cow<'_, str>>, BadRequest> {
    request.inputs.iter().enumerate().map(|(index, input)| text(index, input)).collect()
}

fn text(index: usize, input: &EmbeddingInput) -> Result<Cow<'_, str>, BadRequest> {
    let no_text = |what: &str| {
        BadRequest::new(format!("`input[{index}]` has {what}, which this endpoint cannot embed: send text"))
    };
    match input {
        EmbeddingInput::Text(text) => Ok(Cow::Borrowed(text)),
        EmbeddingInput::Tokens(_) => Err(no_text("token ids")),
        EmbeddingInput::Parts(parts) => {
            let mut lines = Vec::with_capacity(parts.len());
            for part in parts {
                match &part.kind {
                    PartKind::Text(text) => lines.push(text.as_str()),
                    _ => return Err(no_text("content that is no text")),
                }
            }
            Ok(match lines.as_slice() {
                [line] => Cow::Borrowed(line),
                lines => Cow::Owned(lines.join("\n")),
            })
        }
    }
}

/// An answer of vectors in the order of their inputs, with what it cost if the provider says so.
pub(crate) fn answer(
    start: Event,
    vectors: impl IntoIterator<Item = (u32, Vec<f32>)>,
    usage: Option<Usage>,
) -> Vec<Event> {
    let mut events = vec![start];
    events.extend(vectors.into_iter().map(|(index, vector)| Event::Embedding { index, vector }));
    events.extend(usage.map(Event::Usage));
    events.push(Event::stop());
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Media, Part};

    fn part(kind: PartKind) -> Part {
        Part { kind, cache_control: None }
    }

    #[test]
    fn only_texts_are_taken() {
        let said = |text: &str| part(PartKind::Text(text.to_owned()));
        let request = |input| EmbeddingsRequest { inputs: vec![input], ..EmbeddingsRequest::default() };
        let two = request(EmbeddingInput::Parts(vec![said("a"), said("b")]));
        assert_eq!(texts(&two).unwrap(), ["a\nb"]);
        assert_eq!(texts(&request(EmbeddingInput::Text("c".into()))).unwrap(), ["c"]);
        let source = Media::Url("https://a.example/b.png".into());
        let image = request(EmbeddingInput::Parts(vec![part(PartKind::Image { source, detail: None })]));
        for refused in [request(EmbeddingInput::Tokens(vec![1])), image] {
            assert!(texts(&refused).unwrap_err().message.contains("`input[0]`"));
        }
    }
}
