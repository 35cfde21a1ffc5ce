//! Reads answers, whole and streamed, into the same events.

mod items;
mod state;
mod stream;
mod wire;

pub(super) use stream::Stream;

use super::super::errors;
use crate::canonical::Event;
use crate::codec::{StreamDecoder as _, Target};
use crate::error::ProviderError;
use state::State;
use wire::Response;

/// The events of an answer that came whole.
///
/// # Errors
/// [`ProviderError`] when the body is an error after all, or no answer.
pub(super) fn whole(body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
    let mut events = Vec::new();
    let start = body.trim_ascii_start();
    if start.starts_with(b"event:") || start.starts_with(b"data:") {
        // Some servers stream although nobody asked.
        let mut stream = Stream::new(target);
        stream.push(body, &mut events);
        stream.end(&mut events);
    } else {
        let response: Response<'_> = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
        if response.output.is_none() && response.status.is_null() {
            return Err(errors::unreadable(body));
        }
        State::new(target).end(response, "completed", &mut events);
    }
    match events.iter().position(|event| matches!(event, Event::Failure(_))) {
        Some(at) => match events.swap_remove(at) {
            Event::Failure(error) => Err(error),
            _ => Ok(events),
        },
        None => Ok(events),
    }
}
