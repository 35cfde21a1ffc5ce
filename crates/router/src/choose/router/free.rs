//! `openrouter/free`: any model that costs nothing.

use super::super::random::Random;
use super::MODELS_AT_MOST;
use super::search::{Choice, Search, prefer};
use crate::catalogue::Model;

/// Sets this draw apart from those that the seed decides elsewhere.
const SALT: u64 = 0x6672_6565_0000_0001;

/// Draws a model and its fallbacks, each as likely as any other. The model that served the conversation so far
/// goes on while it is a candidate.
pub(super) fn pick(search: &Search<'_, '_>) -> Choice {
    let models = 0..search.catalogue().models().len();
    let found = search.among(models, |model| (!is_free(model)).then_some("not_free"));
    let mut random = Random::new(search.inputs.seed ^ SALT);
    let mut pool = found.matching.clone();
    let mut order = Vec::with_capacity(MODELS_AT_MOST);
    while order.len() < MODELS_AT_MOST && !pool.is_empty() {
        let count = u64::try_from(pool.len()).unwrap_or(1);
        let drawn = usize::try_from(random.next() % count).unwrap_or(0);
        order.push(pool.swap_remove(drawn));
    }
    prefer(&mut order, &found.matching, search.inputs.held_model);
    search.choice(found, order, None)
}

fn is_free(model: &Model) -> bool {
    model.variant() == Some("free") || model.is_free
}
