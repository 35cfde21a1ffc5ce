//! What a request would cost, and how long its first token would take: estimates, for comparing alone.

use dialect::canonical::Operation;
use pricing::{Class, Markup, PriceBook, Usage, charge};
use rpc::router::PlanRequest;

use crate::choose::Held;
use crate::health::{Key, Standings};

/// Completion tokens of an answer whose request names no most.
const COMPLETION_TOKENS: u64 = 500;
/// Usual for prose.
const BYTES_PER_TOKEN: u64 = 4;

/// The estimated charge in nano-USD. A request of text alone has a prompt token for every four bytes, another has
/// its images; the answer to a conversation is as long as it may be, or [`COMPLETION_TOKENS`] where nothing
/// limits it.
pub(super) fn cost(sent: &PlanRequest, book: &PriceBook, markup: Markup) -> i128 {
    charge(book, markup, &usage(sent)).map_or(0, |amount| i128::from(amount.nanos()))
}

fn usage(sent: &PlanRequest) -> Usage {
    let Some(profile) = &sent.profile else { return Usage::default() };
    let usage = Usage::default().with(Class::Request, 1).with(Class::Image, profile.images.into());
    let is_text = profile.input_modalities.iter().all(|kind| kind == "text");
    let prompt = if is_text { profile.body_bytes / BYTES_PER_TOKEN } else { 0 };
    let completion = profile.max_tokens.unwrap_or(COMPLETION_TOKENS);
    match Operation::named(&profile.operation).unwrap_or(Operation::Chat) {
        Operation::Chat => usage.with(Class::Input, prompt).with(Class::Output, completion),
        Operation::Images => usage.with(Class::Input, prompt).with(Class::Picture, 1),
        Operation::Speech => usage.with(Class::Character, profile.body_bytes),
        Operation::Rerank => usage.with(Class::Input, prompt).with(Class::SearchUnit, 1),
        Operation::Embeddings | Operation::Transcription => usage.with(Class::Input, prompt),
    }
}

/// The median time to the first token in milliseconds, as it stood; the mean where too little was known.
pub(super) fn latency_ms(standings: &Standings, endpoint: Held) -> f64 {
    let key = Key { endpoint: endpoint.endpoint, credential: endpoint.credential };
    let standing = standings.get(&key).copied().unwrap_or_default();
    standing.latency.map_or(standing.latency_ms, |quantiles| f64::from(quantiles.p50))
}
