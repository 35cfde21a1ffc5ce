//! The media of everything that can be asked for.

use dialect::canonical::{EmbeddingInput, Media, PartKind, Task};

use super::inline::{Slot, is_data, urls_of};
use super::sniff::Wanted;
use super::{Error, Fetcher};

impl Fetcher {
    /// Checks every remote URL that a provider would fetch for a task.
    ///
    /// # Errors
    /// [`Error`] of the first that may not be named.
    pub(crate) fn check_task(&self, task: &Task) -> Result<(), Error> {
        urls(task).into_iter().try_for_each(|url| self.check(url))
    }

    /// Fetches every remote image and file of a task and puts its bytes in its place.
    ///
    /// # Errors
    /// [`Error`] of the first that cannot be had; the task is then half changed.
    pub(crate) async fn inline_task(&self, task: &mut Task) -> Result<(), Error> {
        match task {
            Task::Chat(request) => {
                let parts = request.messages.iter_mut().flat_map(|message| &mut message.content);
                let slots: Vec<_> = parts.filter_map(Slot::of).collect();
                if slots.is_empty() {
                    return Ok(());
                }
                self.inline(slots).await?;
                // The client's own body still holds the URLs.
                request.original = None;
            }
            Task::Embeddings(request) => {
                let parts = request.inputs.iter_mut().filter_map(|input| match input {
                    EmbeddingInput::Parts(parts) => Some(parts),
                    EmbeddingInput::Text(_) | EmbeddingInput::Tokens(_) => None,
                });
                self.inline(parts.flatten().filter_map(Slot::of).collect()).await?;
            }
            Task::Images(request) => {
                let pictures = request.references.iter_mut().chain(&mut request.mask);
                let slots = pictures.map(|media| Slot { media, wanted: Wanted::Image });
                self.inline(slots.collect()).await?;
            }
            Task::Rerank(request) => {
                let images = || request.documents.iter().map(|document| document.image.clone());
                let mut media: Vec<_> = images().map(|image| image.map(Media::Url)).collect();
                let slots = media.iter_mut().flatten().map(|media| Slot { media, wanted: Wanted::Image });
                self.inline(slots.collect()).await?;
                for (document, media) in request.documents.iter_mut().zip(media) {
                    if let Some(Media::Inline { media_type, data }) = media {
                        document.image = Some(format!("data:{media_type};base64,{data}"));
                    }
                }
            }
            Task::Speech(_) | Task::Transcription(_) => {}
        }
        Ok(())
    }
}

/// Whether a conversation has files that it names by their address.
pub(crate) fn links_files(task: &Task) -> bool {
    let messages = task.chat().into_iter().flat_map(|request| &request.messages);
    let mut parts = messages.flat_map(|message| &message.content);
    parts.any(|part| matches!(&part.kind, PartKind::File { source: Media::Url(url), .. } if !is_data(url)))
}

/// Every remote URL that a provider would fetch for a task.
pub(crate) fn urls(task: &Task) -> Vec<&str> {
    let mut urls: Vec<&str> = match task {
        Task::Chat(request) => {
            let parts = request.messages.iter().flat_map(|message| &message.content);
            parts.flat_map(|part| urls_of(&part.kind)).collect()
        }
        Task::Embeddings(request) => {
            let parts = request.inputs.iter().filter_map(|input| match input {
                EmbeddingInput::Parts(parts) => Some(parts),
                EmbeddingInput::Text(_) | EmbeddingInput::Tokens(_) => None,
            });
            parts.flatten().flat_map(|part| urls_of(&part.kind)).collect()
        }
        Task::Images(request) => {
            let pictures = request.references.iter().chain(&request.mask);
            pictures
                .filter_map(|media| if let Media::Url(url) = media { Some(url.as_str()) } else { None })
                .collect()
        }
        Task::Rerank(request) => {
            request.documents.iter().filter_map(|document| document.image.as_deref()).collect()
        }
        Task::Speech(_) | Task::Transcription(_) => Vec::new(),
    };
    urls.retain(|url| !is_data(url));
    urls
}
