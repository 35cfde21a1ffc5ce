//! Everything that can be asked for.

use std::borrow::Cow;

use pricing::{Class, Usage};

use super::{EmbeddingsRequest, ImagesRequest, Request, RerankRequest, SpeechRequest, TranscriptionRequest};

/// A kind of work. Models are made for one or a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A conversation, whatever dialect it is held in.
    Chat,
    Embeddings,
    Rerank,
    Images,
    Speech,
    Transcription,
}

impl Operation {
    pub const ALL: [Self; 6] =
        [Self::Chat, Self::Embeddings, Self::Rerank, Self::Images, Self::Speech, Self::Transcription];

    /// As the wire between services names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == name)
    }
}

/// What a client wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    Chat(Request),
    Embeddings(EmbeddingsRequest),
    Rerank(RerankRequest),
    Images(ImagesRequest),
    Speech(SpeechRequest),
    Transcription(TranscriptionRequest),
}

impl Task {
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Chat(_) => Operation::Chat,
            Self::Embeddings(_) => Operation::Embeddings,
            Self::Rerank(_) => Operation::Rerank,
            Self::Images(_) => Operation::Images,
            Self::Speech(_) => Operation::Speech,
            Self::Transcription(_) => Operation::Transcription,
        }
    }

    /// The conversation, if it is one.
    #[must_use]
    pub const fn chat(&self) -> Option<&Request> {
        match self {
            Self::Chat(request) => Some(request),
            _ => None,
        }
    }

    /// The end user, as the client named it.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Chat(request) => request.user.as_deref(),
            Self::Embeddings(request) => request.user.as_deref(),
            Self::Images(request) => request.user.as_deref(),
            Self::Speech(request) => request.user.as_deref(),
            Self::Rerank(_) | Self::Transcription(_) => None,
        }
    }

    /// What of it is counted by the piece and follows from the request alone: pictures wanted, characters to
    /// speak, seconds to hear where the recording tells its length, searches. It stands in where a provider that
    /// prices such pieces reported none.
    #[must_use]
    pub fn pieces(&self) -> Usage {
        let usage = Usage::default();
        match self {
            Self::Images(request) => usage.with(Class::Picture, u64::from(request.n.unwrap_or(1))),
            Self::Speech(request) => usage.with(Class::Character, request.input.chars().count() as u64),
            Self::Transcription(request) => usage.with(Class::Second, request.seconds.unwrap_or_default()),
            Self::Rerank(request) => usage.with(Class::SearchUnit, request.searches()),
            Self::Chat(_) | Self::Embeddings(_) => usage,
        }
    }

    /// Whether the provider is to answer piece by piece.
    #[must_use]
    pub const fn is_streamed(&self) -> bool {
        match self {
            Self::Chat(request) => request.stream,
            Self::Images(request) => request.stream,
            Self::Speech(_) => true,
            Self::Embeddings(_) | Self::Rerank(_) | Self::Transcription(_) => false,
        }
    }

    /// The same with at most so many completion tokens, where the task has any.
    #[must_use]
    pub fn with_max_tokens(&self, max_tokens: Option<u64>) -> Cow<'_, Self> {
        match self {
            Self::Chat(request) if request.max_tokens != max_tokens => {
                Cow::Owned(Self::Chat(Request { max_tokens, ..request.clone() }))
            }
            _ => Cow::Borrowed(self),
        }
    }
}

impl From<Request> for Task {
    fn from(request: Request) -> Self {
        Self::Chat(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Document;

    #[test]
    fn pieces_follow_from_the_request() {
        let images = ImagesRequest { n: Some(3), ..ImagesRequest::default() };
        let speech = SpeechRequest { input: "Grüße".to_owned(), ..SpeechRequest::default() };
        let recording = TranscriptionRequest { seconds: Some(7), ..TranscriptionRequest::default() };
        let rerank = RerankRequest { documents: vec![Document::default(); 101], ..RerankRequest::default() };
        let of = |class, units| Usage::default().with(class, units);
        for (task, pieces) in [
            (Task::Images(images), of(Class::Picture, 3)),
            (Task::Images(ImagesRequest::default()), of(Class::Picture, 1)),
            (Task::Speech(speech), of(Class::Character, 5)),
            (Task::Transcription(recording), of(Class::Second, 7)),
            (Task::Transcription(TranscriptionRequest::default()), Usage::default()),
            (Task::Rerank(rerank), of(Class::SearchUnit, 2)),
            (Task::Embeddings(EmbeddingsRequest::default()), Usage::default()),
        ] {
            assert_eq!(task.pieces(), pieces, "{task:?}");
        }
    }
}
