//! Streams of providers.

use dialect::canonical::{Event, Operation};
use dialect::sse;

use super::clients;
use super::endpoints::Endpoint;

/// Reads `bytes` as a stream, whole and in pieces of `piece` bytes: the same events, none after a failure but the
/// count, an end in any case, and no more of them than the bytes can have meant. Then writes them for all clients.
pub fn check(endpoint: &Endpoint, bytes: &[u8], piece: usize) {
    let Some(events) = read(endpoint, [bytes]) else { return };
    let cut = read(endpoint, bytes.chunks(piece.max(1)));
    assert_eq!(Some(&events), cut.as_ref(), "in pieces of {piece} it reads otherwise");
    sound(&events, bytes.len());
    if endpoint.operation == Operation::Chat {
        let ends = |event: &Event| matches!(event, Event::Finish { .. } | Event::Failure(_));
        assert!(events.iter().any(ends), "a silent end");
        clients::check(&events);
    }
}

fn read<'a>(endpoint: &Endpoint, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Event>> {
    endpoint.with(|adapter, target| {
        let mut decoder = adapter.stream(target);
        let mut events = Vec::new();
        pieces.into_iter().for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    })
}

/// Events that `length` bytes may be read as.
pub fn sound(events: &[Event], length: usize) {
    let failed = events.iter().position(|event| matches!(event, Event::Failure(_)));
    let after = failed.map_or(&[][..], |at| &events[at + 1..]);
    assert!(
        after.iter().all(|event| matches!(event, Event::Usage(_))),
        "something follows a failure: {after:?}"
    );
    assert!(events.len() <= length + 8, "{} events of {length} bytes", events.len());
    let size: usize = events.iter().map(|event| format!("{event:?}").len()).sum();
    // An event has members that take room though nothing was said of them.
    assert!(size <= 64 * length + 4_096, "{size} bytes of events of {length} bytes");
}

/// Frames read whole and in pieces are the same, and hold no more than came.
pub fn check_frames(bytes: &[u8], piece: usize, limit: usize) {
    let whole = frames([bytes], limit);
    let cut = frames(bytes.chunks(piece.max(1)), limit);
    if let (Ok(whole), Ok(cut)) = (&whole, &cut) {
        assert_eq!(whole, cut);
    }
    // Where a line passes the limit, it may be seen before it ends or not until then.
    let (Ok(frames) | Err(frames)) = whole;
    let size: usize = frames.iter().map(|(name, data)| name.len() + data.len()).sum();
    assert!(size <= bytes.len(), "{size} bytes of events of {} bytes", bytes.len());
    assert!(frames.iter().all(|(_, data)| data.len() <= limit), "an event over the limit");
}

type Frames = Vec<(String, Vec<u8>)>;

/// Frames until the end, or until the reader gave up.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Result<Frames, Frames> {
    let mut decoder = sse::Decoder::new(limit);
    let mut frames = Vec::new();
    for piece in pieces {
        if decoder.push(piece, |name, data| frames.push((name.to_owned(), data.to_vec()))).is_err() {
            return Err(frames);
        }
    }
    decoder.end(|name, data| frames.push((name.to_owned(), data.to_vec())));
    Ok(frames)
}
