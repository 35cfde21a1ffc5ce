//! Reads answers, whole and streamed, into the same events.

mod calls;
mod logprobs;
mod parts;
mod sources;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod think;
mod wire;

pub(super) use stream::Stream;

use super::errors;
use super::quirks::Quirks;
use crate::canonical::Event;
use crate::error::ProviderError;
use state::State;
use wire::Completion;

/// The events of an answer that came whole.
///
/// # Errors
/// [`ProviderError`] when the body is an error after all, or no answer.
pub(super) fn whole(body: &[u8], quirks: Quirks<'_>) -> Result<Vec<Event>, ProviderError> {
    if body.trim_ascii_start().starts_with(b"data:") {
        return whole_stream(body, quirks);
    }
    let completion: Completion = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
    if completion.choices.is_none() && completion.failure().is_none() {
        return Err(errors::unreadable(body));
    }
    let mut state = State::new(quirks);
    let mut events = Vec::new();
    state.take(completion, &mut events);
    state.flush(&mut events);
    state.finish(&mut events);
    first_failure(events)
}

/// Some servers stream although nobody asked.
fn whole_stream(body: &[u8], quirks: Quirks<'_>) -> Result<Vec<Event>, ProviderError> {
    use crate::codec::StreamDecoder;
    let mut stream = Stream::new(quirks);
    let mut events = Vec::new();
    stream.push(body, &mut events);
    stream.end(&mut events);
    first_failure(events)
}

fn first_failure(mut events: Vec<Event>) -> Result<Vec<Event>, ProviderError> {
    match events.iter().position(|event| matches!(event, Event::Failure(_))) {
        Some(at) => match events.swap_remove(at) {
            Event::Failure(error) => Err(error),
            _ => Ok(events),
        },
        None => Ok(events),
    }
}
