//! Documents in the order of how well they answer a query.

use pricing::Usage;

use crate::canonical::Event;

/// An answer of a ranking, with what it cost if the provider says so.
pub(crate) fn answer(
    start: Event,
    ranked: impl IntoIterator<Item = (u32, f64)>,
    usage: Option<Usage>,
) -> Vec<Event> {
    let mut events = vec![start];
    events.extend(ranked.into_iter().map(|(index, score)| Event::Ranked { index, score }));
    events.extend(usage.map(Event::Usage));
    events.push(Event::stop());
    events
}
